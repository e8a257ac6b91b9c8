/* ether: Ethernet addresses as text and back. */
#include <netinet/ether.h>

#include <stdio.h>

char *ether_ntoa_r(const struct ether_addr *address, char *text)
{
    const uint8_t *at = address->ether_addr_octet;

    sprintf(text, "%x:%x:%x:%x:%x:%x", at[0], at[1], at[2], at[3], at[4], at[5]);
    return text;
}

char *ether_ntoa(const struct ether_addr *address)
{
    static char text[18];

    return ether_ntoa_r(address, text);
}

struct ether_addr *ether_aton_r(const char *text, struct ether_addr *address)
{
    unsigned at[ETH_ALEN];
    char rest;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &at[0], &at[1], &at[2], &at[3], &at[4], &at[5],
               &rest) != ETH_ALEN)
        return NULL;
    for (int i = 0; i < ETH_ALEN; i++)
        address->ether_addr_octet[i] = (uint8_t)at[i];
    return address;
}

struct ether_addr *ether_aton(const char *text)
{
    static struct ether_addr address;

    return ether_aton_r(text, &address);
}
