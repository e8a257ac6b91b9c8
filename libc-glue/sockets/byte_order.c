/* byte_order: htonl() and its family as functions, for those who want their addresses. */
#include <netinet/in.h>

#undef htonl
#undef htons
#undef ntohl
#undef ntohs

uint32_t htonl(uint32_t host)
{
    return __htonl(host);
}

uint16_t htons(uint16_t host)
{
    return __htons(host);
}

uint32_t ntohl(uint32_t net)
{
    return __ntohl(net);
}

uint16_t ntohs(uint16_t net)
{
    return __ntohs(net);
}
