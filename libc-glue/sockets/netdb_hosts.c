/* netdb_hosts: /etc/hosts: on each line an address, its name, further names; # is a comment. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "netdb_names.h"

#define NETDB_LINE 1024

/* The next word of a line, NUL-terminated in place; NULL at its end. */
static char *netdb_word(char **at)
{
    char *word;

    while (isspace((unsigned char)**at))
        (*at)++;
    if (**at == '\0' || **at == '#')
        return NULL;
    word = *at;
    while (**at != '\0' && **at != '#' && !isspace((unsigned char)**at))
        (*at)++;
    if (**at == '#')
        **at = '\0'; /* the comment goes with it */
    else if (**at != '\0')
        *(*at)++ = '\0';
    return word;
}

static void netdb_copy_name(char *to, const char *name)
{
    snprintf(to, NETDB_NAME, "%s", name);
}

bool netdb_hosts_name(const char *name, int family, struct netdb_answer *out)
{
    char line[NETDB_LINE];
    FILE *file = fopen(_PATH_HOSTS, "re");
    bool found = false;

    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *at = line, *number = netdb_word(&at), *official = netdb_word(&at);
        struct netdb_address address;

        if (official == NULL)
            continue;
        for (char *word = official; word != NULL; word = netdb_word(&at)) {
            if (strcasecmp(word, name) != 0)
                continue;
            if (netdb_parse_number(number, family, &address) && netdb_add(out, &address)) {
                if (!found)
                    netdb_copy_name(out->name, official);
                if (!found && word != official)
                    netdb_copy_name(out->alias, word);
                found = true;
            }
            break;
        }
    }
    fclose(file);
    return found;
}

bool netdb_hosts_address(const struct netdb_address *address, struct netdb_answer *out)
{
    char line[NETDB_LINE];
    FILE *file = fopen(_PATH_HOSTS, "re");
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *at = line, *number = netdb_word(&at), *official = netdb_word(&at);
        struct netdb_address there;

        if (official == NULL || !netdb_parse_number(number, address->family, &there) ||
            memcmp(&there.in6, &address->in6, address->family == AF_INET ? 4 : 16) != 0)
            continue;
        found = netdb_add(out, &there);
        netdb_copy_name(out->name, official);
        official = netdb_word(&at);
        if (official != NULL)
            netdb_copy_name(out->alias, official);
    }
    fclose(file);
    return found;
}
