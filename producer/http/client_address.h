/* client_address.h - a request's address, seen through the proxies that are trusted.
 *
 * Threads: the server's.  Memory: nothing is kept. */
#ifndef HTTP_CLIENT_ADDRESS_H
#define HTTP_CLIENT_ADDRESS_H

#include "config/config.h"
#include "http/guard.h"

/* Who connects: 16 bytes, IPv4 mapped. connection: the library's. Zeroes: it is neither. */
void client_address_peer(void *connection, uint8_t address[16]);
/* address: the peer's, IPv4 mapped; becomes the client's. */
void client_address_take(
	const struct guard_head *head, const struct config_texts *trusted, uint8_t address[16]);

#endif
