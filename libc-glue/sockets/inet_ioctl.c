/* inet_ioctl: SIOCGIF*: what programs ask of interfaces. They are configured from outside only. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "inet.h"
#include "inet_interface.h"

static void inet_ioctl_address(struct sockaddr *out, uint32_t address)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };

    memcpy(out, &in, sizeof(in));
}

/* IPv4 interfaces with their addresses. */
static int inet_ioctl_list(struct ifconf *list)
{
    int room = list->ifc_len, used = 0;
    struct netif *netif;

    NETIF_FOREACH (netif) {
        struct ifreq one;

        if (ip4_addr_isany_val(*netif_ip4_addr(netif)))
            continue;
        memset(&one, 0, sizeof(one));
        net_if_name(netif, one.ifr_name);
        inet_ioctl_address(&one.ifr_addr, netif_ip4_addr(netif)->addr);
        if (list->ifc_buf != NULL) {
            if (room - used < (int)sizeof(one))
                break;
            memcpy(list->ifc_buf + used, &one, sizeof(one));
        }
        used += (int)sizeof(one);
    }
    list->ifc_len = used;
    return 0;
}

static int inet_ioctl_hardware(const struct netif *netif, struct ifreq *out)
{
    memset(&out->ifr_hwaddr, 0, sizeof(out->ifr_hwaddr));
    out->ifr_hwaddr.sa_family = inet_interface_is_loopback(netif) ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
    memcpy(out->ifr_hwaddr.sa_data, netif->hwaddr,
           netif->hwaddr_len < IFHWADDRLEN ? netif->hwaddr_len : IFHWADDRLEN);
    return 0;
}

static int inet_ioctl_of(const struct netif *netif, unsigned long request, struct ifreq *out)
{
    uint32_t address = netif_ip4_addr(netif)->addr, mask = netif_ip4_netmask(netif)->addr;

    switch (request) {
    case SIOCGIFFLAGS:
        out->ifr_flags = (short)inet_interface_flags(netif);
        return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
        if (address == INADDR_ANY)
            return -EADDRNOTAVAIL;
        inet_ioctl_address(&out->ifr_addr, address);
        return 0;
    case SIOCGIFBRDADDR:
        inet_ioctl_address(&out->ifr_broadaddr,
                           inet_interface_is_loopback(netif) ? INADDR_ANY : address | ~mask);
        return 0;
    case SIOCGIFNETMASK:
        if (address == INADDR_ANY)
            return -EADDRNOTAVAIL;
        inet_ioctl_address(&out->ifr_netmask, mask);
        return 0;
    case SIOCGIFHWADDR:
        return inet_ioctl_hardware(netif, out);
    case SIOCGIFMTU:
        out->ifr_mtu = inet_interface_mtu(netif);
        return 0;
    case SIOCGIFMETRIC:
        out->ifr_metric = 0;
        return 0;
    case SIOCGIFTXQLEN:
        out->ifr_qlen = 1000;
        return 0;
    case SIOCGIFINDEX:
        out->ifr_ifindex = netif_get_index(netif);
        return 0;
    default:
        return -EPERM; /* SIOCSIF* */
    }
}

static int inet_ioctl_name(struct ifreq *out)
{
    struct netif *netif = out->ifr_ifindex > 0 && out->ifr_ifindex <= UINT8_MAX
                              ? netif_get_by_index((uint8_t)out->ifr_ifindex)
                              : NULL;

    if (netif == NULL)
        return -ENODEV;
    net_if_name(netif, out->ifr_name);
    return 0;
}

static bool inet_ioctl_known(unsigned long request)
{
    switch (request) {
    case SIOCGIFCONF:
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCSIFFLAGS:
    case SIOCGIFADDR:
    case SIOCSIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCSIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCSIFNETMASK:
    case SIOCGIFMETRIC:
    case SIOCGIFMTU:
    case SIOCSIFMTU:
    case SIOCGIFHWADDR:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
        return true;
    default:
        return false;
    }
}

int inet_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    struct ifreq *one = arg;
    struct netif *netif;
    int error;

    (void)socket;
    if (!inet_ioctl_known(request))
        return -ENOTTY;
    error = net_use(NET_ANY);
    if (error < 0)
        return error;
    net_lock();
    if (request == SIOCGIFCONF) {
        error = inet_ioctl_list(arg);
    } else if (request == SIOCGIFNAME) {
        error = inet_ioctl_name(one);
    } else {
        one->ifr_name[IFNAMSIZ - 1] = '\0';
        netif = net_if_find(one->ifr_name);
        error = netif != NULL ? inet_ioctl_of(netif, request, one) : -ENODEV;
    }
    net_unlock();
    return error;
}
