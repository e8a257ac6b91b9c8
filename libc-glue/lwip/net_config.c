/*
 * net_config: where the addresses of an interface come from.
 *
 * In this order: an ip= of the command line that names the interface, or is meant for it
 * (net_ip.h); the ip= of its vif; DHCP. IPv6 comes by itself, by router advertisements, unless ip=
 * is off.
 */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/priv/nd6_priv.h>
#include <runtime/boot.h>
#include <runtime/launch.h>
#include <runtime/log.h>

#include "net.h"
#include "net_hooks.h"
#include "net_priv.h"
#include "sockets/resolv_file.h"

#define NET_CONFIG_MAX 16u
/* Networks with IPv6 alone: what DHCP gets before an address by advertisement is enough. */
#define NET_CONFIG_ONLY6_MS 3000u
/* Routers are asked again four seconds after the first time: who is there has answered by then. */
#define NET_CONFIG_ROUTER_MS 4000u

static struct {
    struct net_ip_setting setting[NET_CONFIG_MAX];
    unsigned n;
    unsigned wait;
    char host[NET_IP_TEXT]; /* what DHCP servers are told */
} net_config = { .wait = NET_IP_WAIT };

/* A program that uses paths finds the name servers there, too (rootfs.c makes the file). */
static const char *const net_config_needs_file __attribute__((used)) = &resolv_file_is_linked;

/* An ip= that is about no interface in particular. */
static bool net_config_is_general(const struct net_ip_setting *setting)
{
    return setting->device[0] == '\0' && setting->source != NET_IP_STATIC;
}

void net_config_start(void)
{
    const char *value, *why, *name = launch_setting("name", 0);
    bool waits = false;

    if (name != NULL && strlen(name) < sizeof(net_config.host))
        strcpy(net_config.host, name);
    for (unsigned i = 0; (value = launch_setting("ip", i)) != NULL; i++) {
        struct net_ip_setting *setting = &net_config.setting[net_config.n];

        if (net_config.n == NET_CONFIG_MAX) {
            log_line(LOG_ERROR, "command line: more than %u ip= settings", NET_CONFIG_MAX);
            return;
        }
        if (net_ip_parse(value, setting, &why) != 0) {
            log_line(LOG_ERROR, "command line: %s: %s", why, value);
            continue;
        }
        if (setting->host[0] != '\0' && name == NULL) {
            sethostname(setting->host, strlen(setting->host));
            strcpy(net_config.host, setting->host);
        }
        if (!waits || setting->wait > net_config.wait)
            net_config.wait = setting->wait;
        waits = true;
        net_config.n++;
    }
}

unsigned net_config_wait(void)
{
    return net_config.wait;
}

/* The command line's setting for this interface, or NULL. */
static const struct net_ip_setting *net_config_find(const char *name)
{
    const struct net_ip_setting *unnamed = NULL, *general = NULL;

    for (unsigned i = 0; i < net_config.n; i++) {
        const struct net_ip_setting *setting = &net_config.setting[i];

        if (strcmp(setting->device, name) == 0)
            return setting;
        if (net_config_is_general(setting))
            general = setting;
        else if (setting->device[0] == '\0' && strcmp(name, "eth0") == 0)
            unnamed = setting;
    }
    return unnamed != NULL ? unnamed : general;
}

static void net_config_choose(struct net_if *nif)
{
    char name[NET_IF_NAME];
    const char *why;

    net_if_name(&nif->netif, name);
    const struct net_ip_setting *setting = net_config_find(name);
    if (setting != NULL) {
        nif->setting = *setting;
        return;
    }
    if (nif->vif_ip[0] != '\0') {
        if (net_ip_parse_vif(nif->vif_ip, &nif->setting, &why) == 0)
            return;
        log_line(LOG_WARNING, "%s: %s: %s", name, why, nif->vif_ip);
    }
    nif->setting = (struct net_ip_setting){ .source = NET_IP_DHCP };
}

static void net_config_add_dns(const struct net_ip_setting *setting)
{
    for (unsigned i = 0; i < setting->n_dns; i++) {
        for (u8_t at = 0; at < DNS_MAX_SERVERS; at++) {
            if (ip_addr_isany(dns_getserver(at))) {
                dns_setserver(at, &setting->dns[i]);
                break;
            }
        }
    }
}

static void net_config_set6(struct netif *netif, const ip6_addr_t *address)
{
    const s8_t at = 1; /* 0 is the link-local one */

    netif_ip6_addr_set(netif, at, address);
    netif_ip6_addr_set_valid_life(netif, at, IP6_ADDR_LIFE_STATIC);
    netif_ip6_addr_set_state(netif, at, IP6_ADDR_TENTATIVE);
}

void net_config_added(struct net_if *nif)
{
    struct net_ip_setting *setting = &nif->setting;
    struct netif *netif = &nif->netif;

    net_config_choose(nif);
    if (net_config.host[0] != '\0')
        netif_set_hostname(netif, net_config.host);
    if (setting->source == NET_IP_STATIC && !ip4_addr_isany_val(setting->address))
        netif_set_addr(netif, &setting->address, &setting->netmask, &setting->gateway);
    net_config_add_dns(setting);
    netif_set_up(netif);
    netif_set_ip6_autoconfig_enabled(netif, setting->source != NET_IP_OFF && !setting->no_ip6);
    if (setting->source == NET_IP_OFF || (setting->no_ip6 && !setting->has_address6))
        return;
    netif_create_ip6_linklocal_address(netif, 1);
    if (setting->has_address6)
        net_config_set6(netif, &setting->address6);
}

/*
 * The first question is often lost, for the bridge is not ready: the second one is near, the third
 * two seconds later, and so on as lwIP does it.
 */
static void net_config_ask_soon(struct dhcp *dhcp)
{
    dhcp->request_timeout = 1; /* ticks of half a second */
    dhcp->tries = 0;
}

void net_config_link_up(struct net_if *nif)
{
    if (nif->setting.source != NET_IP_DHCP || netif_dhcp_data(&nif->netif) != NULL)
        return;
    if (dhcp_start(&nif->netif) == ERR_OK)
        net_config_ask_soon(netif_dhcp_data(&nif->netif));
    else
        log_line(LOG_ERROR, "eth%u: no memory for DHCP", nif->index);
}

void net_config_lost(struct net_if *nif)
{
    if (netif_dhcp_data(&nif->netif) != NULL) {
        dhcp_stop(&nif->netif);
        dhcp_cleanup(&nif->netif);
    }
    netif_set_down(&nif->netif);
}

const ip6_addr_t *net_gateway6(struct netif *netif, const ip6_addr_t *dest)
{
    const struct net_if *nif = net_if_of(netif);

    (void)dest;
    if (nif == NULL || ip6_addr_isany(&nif->setting.gateway6))
        return NULL;
    return &nif->setting.gateway6;
}

/* ---- the lines about it */

static const char *net_config_source(const struct net_if *nif)
{
    if (nif->setting.source == NET_IP_DHCP)
        return "from DHCP";
    return nif->setting.vif ? "from the vif's ip=" : "from ip=";
}

static void net_config_tell4(struct net_if *nif)
{
    const struct netif *netif = &nif->netif;
    char address[IP4ADDR_STRLEN_MAX], gateway[IP4ADDR_STRLEN_MAX], dns[IPADDR_STRLEN_MAX];
    bool has_gateway = !ip4_addr_isany(netif_ip4_gw(netif));
    const ip_addr_t *server = dns_getserver(0);

    ip4addr_ntoa_r(netif_ip4_addr(netif), address, sizeof(address));
    ip4addr_ntoa_r(netif_ip4_gw(netif), gateway, sizeof(gateway));
    ipaddr_ntoa_r(server, dns, sizeof(dns));
    boot_stage("eth%u: %s/%d%s%s%s%s %s", nif->index, address,
               net_ip_prefix(netif_ip4_netmask(netif)), has_gateway ? " gateway " : "",
               has_gateway ? gateway : "", ip_addr_isany(server) ? "" : " dns ",
               ip_addr_isany(server) ? "" : dns, net_config_source(nif));
}

static void net_config_tell6(struct net_if *nif)
{
    const struct netif *netif = &nif->netif;
    char address[IP6ADDR_STRLEN_MAX];

    for (unsigned i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        bool good = ip6_addr_ispreferred(netif_ip6_addr_state(netif, i));

        if (good && (nif->told6 & 1u << i) == 0) {
            ip6addr_ntoa_r(netif_ip6_addr(netif, i), address, sizeof(address));
            for (char *at = address; *at != '\0'; at++)
                *at = (char)tolower((unsigned char)*at); /* RFC 5952, 4.3 */
            boot_stage("eth%u: %s/64 %s", nif->index, address,
                       netif_ip6_addr_isstatic(netif, i) ? "from ip="
                                                         : "from a router's advertisement");
        }
        nif->told6 = (uint8_t)(good ? nif->told6 | 1u << i : nif->told6 & ~(1u << i));
    }
}

static void net_config_look_at(struct net_if *nif, uint64_t elapsed_ms)
{
    const struct netif *netif = &nif->netif;

    if (!netif_is_link_up(netif)) {
        nif->configured = nif->configured || nif->setting.source == NET_IP_OFF;
        return;
    }
    if (!ip4_addr_eq(netif_ip4_addr(netif), &nif->told)) {
        nif->told = *netif_ip4_addr(netif);
        if (!ip4_addr_isany_val(nif->told))
            net_config_tell4(nif);
    }
    net_config_tell6(nif);
    nif->configured = nif->setting.source != NET_IP_DHCP || !ip4_addr_isany_val(nif->told) ||
                      (nif->told6 != 0 && elapsed_ms >= NET_CONFIG_ONLY6_MS);
}

void net_config_look(uint64_t elapsed_ms)
{
    for (struct net_if *nif = net_ifs; nif != NULL; nif = nif->next)
        net_config_look_at(nif, elapsed_ms);
}

/* ---- what net_use() waits for */

static bool net_config_has_router6(const struct netif *netif)
{
    for (unsigned i = 0; i < LWIP_ND6_NUM_ROUTERS; i++) {
        const struct nd6_neighbor_cache_entry *router = default_router_list[i].neighbor_entry;

        if (router != NULL && router->netif == netif)
            return true;
    }
    return false;
}

/* With its advertisement a router makes addresses, which are tentative until they are found unique. */
static bool net_config_done6(const struct netif *netif, uint64_t elapsed_ms)
{
    for (unsigned i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_istentative(netif_ip6_addr_state(netif, i)))
            return false;
    }
    return !netif->ip6_autoconfig_enabled || net_config_has_router6(netif) ||
           elapsed_ms >= NET_CONFIG_ROUTER_MS;
}

bool net_config_done(enum net_need need, uint64_t elapsed_ms, uint64_t *again_ms)
{
    bool done = true;

    for (const struct net_if *nif = net_ifs; nif != NULL; nif = nif->next) {
        if (netif_is_link_up(&nif->netif))
            done = done && (need == NET_IP6 ? net_config_done6(&nif->netif, elapsed_ms)
                                            : nif->configured);
    }
    if (!done && need == NET_IP6 && elapsed_ms < NET_CONFIG_ROUTER_MS &&
        NET_CONFIG_ROUTER_MS < *again_ms)
        *again_ms = NET_CONFIG_ROUTER_MS;
    return done;
}
