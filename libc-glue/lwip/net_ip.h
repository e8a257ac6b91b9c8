/*
 * net_ip: the grammar of ip= on the command line, and of ip= in a vif's configuration. Pure
 * functions.
 *
 *     ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1
 *
 * is Linux's (Documentation/admin-guide/nfs/nfsroot.rst): every field may be empty, and the last
 * ones missing. SERVER is read and not used. Without NETMASK, the mask is that of the address's old
 * class. CLIENT may carry a prefix length (10.0.0.2/24), and CLIENT, GATEWAY and the DNS may be
 * IPv6 addresses in brackets ([fd00::2], of a prefix of 64 bits). AUTOCONF is off, none, static, or
 * dhcp, on, any, both. One word alone is AUTOCONF: ip=dhcp, ip=off. A comma and options may follow:
 *
 *     ip=dhcp,wait=3        the first call that needs the network waits 3 s at most, instead of 10
 *     ip=off,ipv6=off       nor an address by router advertisements
 *
 * Without DEVICE it is about eth0. ip=off or ip=dhcp alone are about all interfaces that no other
 * ip= names.
 */
#ifndef LIBC_GLUE_NET_IP_H
#define LIBC_GLUE_NET_IP_H

#include <stdbool.h>
#include <stdint.h>

#include <lwip/ip_addr.h>

#define NET_IP_TEXT 64u /* of a host name or a device name, with the NUL */
#define NET_IP_DNS  2u
#define NET_IP_WAIT 10u /* seconds */

enum net_ip_source { NET_IP_DHCP, NET_IP_STATIC, NET_IP_OFF };

struct net_ip_setting {
    enum net_ip_source source;
    bool vif;               /* it is the vif's, not the command line's */
    bool no_ip6;            /* no IPv6 by itself */
    ip4_addr_t address, netmask, gateway; /* all 0: none */
    ip6_addr_t address6, gateway6;
    bool has_address6;
    ip_addr_t dns[NET_IP_DNS];
    unsigned n_dns;
    unsigned wait;          /* seconds */
    char host[NET_IP_TEXT]; /* "": none */
    char device[NET_IP_TEXT]; /* "eth1"; "": see above */
};

/*
 * Parse a value of ip=. Returns 0, or -EINVAL with *why a static sentence.
 */
int net_ip_parse(const char *text, struct net_ip_setting *out, const char **why);

/*
 * Parse the vif's ip=: an address, with a prefix length if it is not that of its class: "10.0.0.2",
 * "10.0.0.2/24"; or "ADDRESS NETMASK GATEWAY". More addresses after the first are for the tool
 * stack's filters, and not used. Returns as above.
 */
int net_ip_parse_vif(const char *text, struct net_ip_setting *out, const char **why);

/* The prefix length of a mask, or -1 when it is none. */
int net_ip_prefix(const ip4_addr_t *mask);

#endif
