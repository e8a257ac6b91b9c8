/* net_ip: the grammar of ip=, on the command line and of a vif. */
#include "glue_test.h"

#include "net_ip.h"

static struct net_ip_setting out;
static const char *why;

/* The setting in one line, or why there is none. */
static const char *parsed(const char *text, int (*parse)(const char *, struct net_ip_setting *,
                                                         const char **))
{
    static const char *const sources[] = { "dhcp", "static", "off" };
    static char shown[512];
    char gateway[IPADDR_STRLEN_MAX];
    int at;

    if (parse(text, &out, &why) != 0)
        return why;
    ip4addr_ntoa_r(&out.gateway, gateway, sizeof(gateway));
    at = sprintf(shown, "%s %s/%d via %s", sources[out.source], ip4addr_ntoa(&out.address),
                 net_ip_prefix(&out.netmask), gateway);
    if (out.has_address6)
        at += sprintf(shown + at, " %s", ip6addr_ntoa(&out.address6));
    if (!ip6_addr_isany(&out.gateway6))
        at += sprintf(shown + at, " via %s", ip6addr_ntoa(&out.gateway6));
    for (unsigned i = 0; i < out.n_dns; i++)
        at += sprintf(shown + at, " dns %s", ipaddr_ntoa(&out.dns[i]));
    if (out.host[0] != '\0')
        at += sprintf(shown + at, " host %s", out.host);
    if (out.device[0] != '\0')
        at += sprintf(shown + at, " on %s", out.device);
    if (out.wait != NET_IP_WAIT)
        at += sprintf(shown + at, " wait %u", out.wait);
    if (out.no_ip6)
        sprintf(shown + at, " no ip6");
    return shown;
}

static const char *line(const char *text)
{
    return parsed(text, net_ip_parse);
}

static const char *vif(const char *text)
{
    return parsed(text, net_ip_parse_vif);
}

TEST(one_word_is_how_to_configure)
{
    CHECK_STR(line("dhcp"), "dhcp 0.0.0.0/0 via 0.0.0.0");
    CHECK_STR(line("on"), "dhcp 0.0.0.0/0 via 0.0.0.0");
    CHECK_STR(line("any"), "dhcp 0.0.0.0/0 via 0.0.0.0");
    CHECK_STR(line(""), "dhcp 0.0.0.0/0 via 0.0.0.0");
    CHECK_STR(line("off"), "off 0.0.0.0/0 via 0.0.0.0");
    CHECK_STR(line("none"), "off 0.0.0.0/0 via 0.0.0.0");
}

TEST(all_fields_of_linux)
{
    CHECK_STR(line("10.0.2.15:10.0.2.1:10.0.2.2:255.255.255.0:box:eth1:off:10.0.2.3:10.0.2.4"),
              "static 10.0.2.15/24 via 10.0.2.2 dns 10.0.2.3 dns 10.0.2.4 host box on eth1");
    CHECK_STR(line("10.0.2.15::10.0.2.2:255.255.255.0:box:eth1:off:10.0.2.3:10.0.2.4:10.0.2.5"),
              "static 10.0.2.15/24 via 10.0.2.2 dns 10.0.2.3 dns 10.0.2.4 host box on eth1");
}

TEST(fields_may_be_missing)
{
    CHECK_STR(line("192.168.7.9"), "static 192.168.7.9/24 via 0.0.0.0");
    CHECK_STR(line("172.16.0.9"), "static 172.16.0.9/16 via 0.0.0.0");
    CHECK_STR(line("10.1.2.3"), "static 10.1.2.3/8 via 0.0.0.0");
    CHECK_STR(line("10.1.2.3/20::10.1.0.1"), "static 10.1.2.3/20 via 10.1.0.1");
    CHECK_STR(line("10.1.2.3:::16"), "static 10.1.2.3/16 via 0.0.0.0");
    CHECK_STR(line(":::::eth1:dhcp"), "dhcp 0.0.0.0/0 via 0.0.0.0 on eth1");
    CHECK_STR(line(":::::eth1:off"), "off 0.0.0.0/0 via 0.0.0.0 on eth1");
    CHECK_STR(line("::::box::dhcp:1.1.1.1"), "dhcp 0.0.0.0/0 via 0.0.0.0 dns 1.1.1.1 host box");
}

TEST(ip6_stands_in_brackets)
{
    CHECK_STR(line("[fd00::2]/64::[fd00::1]:::::[fd00::3]"),
              "static 0.0.0.0/0 via 0.0.0.0 FD00::2 via FD00::1 dns FD00::3");
    CHECK_STR(line("[fd00::2]"), "static 0.0.0.0/0 via 0.0.0.0 FD00::2");
    CHECK_STR(line("[fd00::2]/48"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("[fd00::2"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("[fd00::2]x"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("[fd00::x]"), "ip=: the first field is no address of a machine");
}

TEST(options_after_a_comma)
{
    CHECK_STR(line("dhcp,wait=3"), "dhcp 0.0.0.0/0 via 0.0.0.0 wait 3");
    CHECK_STR(line("off,ipv6=off,wait=0"), "off 0.0.0.0/0 via 0.0.0.0 wait 0 no ip6");
    CHECK_STR(line("10.1.2.3/24,wait=1,ipv6=on"), "static 10.1.2.3/24 via 0.0.0.0 wait 1");
    CHECK_STR(line(",wait=2"), "dhcp 0.0.0.0/0 via 0.0.0.0 wait 2");
    const char *error = "ip=: the options after the address are wait=SECONDS and ipv6=off";
    CHECK_STR(line("dhcp,"), error);
    CHECK_STR(line("dhcp,wait"), error);
    CHECK_STR(line("dhcp,wait="), error);
    CHECK_STR(line("dhcp,wait=-1"), error);
    CHECK_STR(line("dhcp,wait=99999999999999999999"), error);
    CHECK_STR(line("dhcp,ipv6=maybe"), error);
}

TEST(each_damage_is_named)
{
    CHECK_STR(line("dhpc"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.300"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.07"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.0x7"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("0.0.0.0"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.1/33"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.1/"), "ip=: the first field is no address of a machine");
    CHECK_STR(line("10.0.2.1::gateway"), "ip=: the third field is no address of a gateway");
    CHECK_STR(line("10.0.2.1:::255.0.255.0"), "ip=: the fourth field is no netmask");
    CHECK_STR(line("10.0.2.1:::x"), "ip=: the fourth field is no netmask");
    CHECK_STR(line("10.0.2.1::::::maybe"),
              "ip=: the seventh field is dhcp, on, any, both, off, none or static");
    CHECK_STR(line("10.0.2.1:::::::x"),
              "ip=: the eighth or ninth field is no address of a name server");
    CHECK_STR(line("10.0.2.1::::::::x"),
              "ip=: the eighth or ninth field is no address of a name server");
    CHECK_STR(line("::::::::::"), "ip=: too many fields, or a field is too long");
}

TEST(long_fields_are_refused)
{
    char text[400];

    memset(text, 'a', sizeof(text));
    memcpy(text, "1.2.3.4::::", 11);
    text[11 + 63] = '\0';
    CHECK_EQ(net_ip_parse(text, &out, &why), 0);
    CHECK_EQ(strlen(out.host), 63);
    text[11 + 63] = 'a';
    text[11 + 64] = '\0';
    CHECK_STR(line(text), "ip=: a host name or a device name is too long");
    text[11 + 64] = 'a';
    text[11 + 200] = '\0';
    CHECK_STR(line(text), "ip=: too many fields, or a field is too long");
}

TEST(what_a_vif_says)
{
    CHECK_STR(vif("10.0.0.7"), "static 10.0.0.7/8 via 0.0.0.0");
    CHECK_STR(vif("192.168.4.7/28"), "static 192.168.4.7/28 via 0.0.0.0");
    CHECK_STR(vif("10.0.0.7 255.255.255.0 10.0.0.1"), "static 10.0.0.7/24 via 10.0.0.1");
    CHECK_STR(vif(" 10.0.0.7/24  10.0.0.8 "), "static 10.0.0.7/24 via 0.0.0.0");
    CHECK_STR(vif("10.0.0.7/24 10.0.0.8 10.0.0.9 10.0.0.10"), "static 10.0.0.7/24 via 0.0.0.0");
    CHECK(out.vif);
    CHECK_STR(vif(""), "the ip= of the vif is no address");
    CHECK_STR(vif("guest"), "the ip= of the vif is no address");
    CHECK_STR(vif("fd00::1"), "the ip= of the vif is no address");
    CHECK_STR(vif("[fd00::1]"), "the ip= of the vif is no address");
}
