#include "domain/usage.h"

#include "domain/money.h"

struct usage usage_of(int64_t input_tokens, int64_t output_tokens, struct usage_price price)
{
	struct usage usage = {
		.input_tokens = input_tokens > 0 ? input_tokens : 0,
		.output_tokens = output_tokens > 0 ? output_tokens : 0,
	};

	usage.cost_nano = money_add(money_of_tokens(usage.input_tokens, price.input_nano),
		money_of_tokens(usage.output_tokens, price.output_nano));
	return usage;
}

struct usage usage_add(struct usage a, struct usage b)
{
	return (struct usage){money_add(a.input_tokens, b.input_tokens),
		money_add(a.output_tokens, b.output_tokens), money_add(a.cost_nano, b.cost_nano)};
}

int64_t usage_estimate_tokens(int64_t bytes)
{
	return bytes > 0 ? (bytes - 1) / USAGE_TOKEN_BYTES + 1 : 0;
}
