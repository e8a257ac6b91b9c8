/* What lwIP's tests include first: names that they expect of lwIP's headers, and we of libc. */
#include <stdio.h>

#include <lwip/def.h>

#define htons(x) lwip_htons(x)
#define htonl(x) lwip_htonl(x)
#define ntohs(x) lwip_ntohs(x)
#define ntohl(x) lwip_ntohl(x)

/* main.c's. */
int tcpip_thread_poll_one(void);
