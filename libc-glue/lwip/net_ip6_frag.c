/*
 * net_ip6_frag: lwIP's IPv6 fragments. A datagram that is put together to more than 65535 bytes,
 * header included, is dropped by lwIP, but only after an assertion that says that this cannot be;
 * with a few large fragments, anybody could end the guest by it.
 *
 * lwIP's ip6_frag.c is included here. Assertions of what is handled right after them are those of
 * 0.
 */
#include <lwip/debug.h>

#undef LWIP_ASSERT
#define LWIP_ASSERT(message, assertion)                                                            \
    do {                                                                                           \
        if (!(__builtin_constant_p(assertion) || (assertion)))                                     \
            LWIP_PLATFORM_ASSERT(message);                                                         \
    } while (0)

#include <core/ipv6/ip6_frag.c>
