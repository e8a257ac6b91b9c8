#include "resolv_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/net.h"
#include "netdb_names.h"
#include "resolv_given.h"

#define RESOLV_LINE     1024
#define RESOLV_SPACES   " \t\r\n"

static void resolv_add(struct resolv_conf *conf, const struct netdb_address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&conf->servers[conf->n];
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&conf->servers[conf->n];

    if (conf->n == MAXNS)
        return;
    conf->n++;
    if (address->family == AF_INET) {
        in->sin_family = AF_INET;
        in->sin_port = htons(NS_DEFAULTPORT);
        in->sin_addr = address->in;
    } else {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(NS_DEFAULTPORT);
        in6->sin6_addr = address->in6;
        in6->sin6_scope_id = address->scope;
    }
}

static void resolv_set_search(struct resolv_conf *conf, char **rest)
{
    char *word;

    memset(conf->search, 0, sizeof(conf->search));
    for (int i = 0; i < MAXDNSRCH && (word = strtok_r(NULL, RESOLV_SPACES, rest)) != NULL;) {
        if (strlen(word) < RESOLV_NAME)
            strcpy(conf->search[i++], word);
    }
}

/* "ndots:2": true, and the number as far as max, when the option has that name. */
static bool resolv_option(const char *word, const char *name, unsigned min, unsigned max,
                          unsigned *out)
{
    size_t len = strlen(name);
    unsigned long value;

    if (strncmp(word, name, len) != 0)
        return false;
    value = strtoul(word + len, NULL, 10);
    *out = value < min ? min : value > max ? max : (unsigned)value;
    return true;
}

static void resolv_set_options(struct resolv_conf *conf, char **rest)
{
    char *word;

    while ((word = strtok_r(NULL, RESOLV_SPACES, rest)) != NULL) {
        if (!resolv_option(word, "ndots:", 0, 15, &conf->dots) &&
            !resolv_option(word, "timeout:", 1, RES_MAXRETRANS, &conf->timeout_s))
            resolv_option(word, "attempts:", 1, RES_MAXRETRY, &conf->attempts);
    }
}

static void resolv_read_file(struct resolv_conf *conf)
{
    FILE *file = fopen(_PATH_RESCONF, "re");
    char line[RESOLV_LINE];

    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *rest, *word = strtok_r(line, RESOLV_SPACES, &rest), *value;
        struct netdb_address address;

        if (word == NULL)
            continue;
        if (strcmp(word, "search") == 0 || strcmp(word, "domain") == 0)
            resolv_set_search(conf, &rest);
        else if (strcmp(word, "options") == 0)
            resolv_set_options(conf, &rest);
        else if (strcmp(word, "nameserver") == 0 &&
                 (value = strtok_r(NULL, RESOLV_SPACES, &rest)) != NULL &&
                 netdb_parse_number(value, AF_UNSPEC, &address))
            resolv_add(conf, &address);
    }
    fclose(file);
}

void resolv_conf_read(struct resolv_conf *out)
{
    struct netdb_address given[MAXNS];
    int n;

    memset(out, 0, sizeof(*out));
    out->dots = 1;
    out->timeout_s = RES_TIMEOUT;
    out->attempts = RES_DFLRETRY;
    resolv_read_file(out);
    net_use(NET_ANY);
    n = out->n == 0 ? resolv_given(given, MAXNS) : 0;
    for (int i = 0; i < n; i++)
        resolv_add(out, &given[i]);
}
