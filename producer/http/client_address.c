#include "http/client_address.h"

#include "domain/forwarded.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum { TRUSTED_MAX = 100 };

void client_address_peer(void *connection, uint8_t address[16])
{
	static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *peer = info ? info->client_addr : NULL;

	memset(address, 0, 16);
	if (peer && peer->sa_family == AF_INET6) {
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
	} else if (peer && peer->sa_family == AF_INET) {
		memcpy(address, mapped, sizeof mapped);
		memcpy(address + sizeof mapped,
			&((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
	}
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
