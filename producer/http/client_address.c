#include "http/client_address.h"

#include "domain/egress.h"
#include "domain/forwarded.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

enum { TRUSTED_MAX = 100 };

void client_address_peer(void *connection, uint8_t address[16])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || !info->client_addr || !egress_bytes(info->client_addr, address))
		memset(address, 0, 16);
}

void client_address_take(
	const struct guard_head *head, const struct config_texts *trusted, uint8_t address[16])
{
	const char *values[GUARD_HEADERS_MAX];
	struct egress_net nets[TRUSTED_MAX];
	size_t n = 0, nets_n = 0;

	if (trusted->n == 0)
		return;
	for (size_t i = 0; i < head->n; i++)
		if (strcasecmp(head->headers[i].name, "X-Forwarded-For") == 0)
			values[n++] = head->headers[i].value;
	for (size_t i = 0; i < trusted->n && nets_n < TRUSTED_MAX; i++)
		nets_n += egress_net_parse(trusted->items[i], &nets[nets_n]);
	forwarded_client(values, n, nets, nets_n, address);
}
