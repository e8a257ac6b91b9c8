/*
 * fake_xenstore: libxenstore for tests of tools/dom0, over a list in a file.
 *
 * FAKE_XENSTORE names the file: lines of PATH, a blank, VALUE, where %XX in a value is any byte. A line
 * that begins with `!` takes effect (and fires watches) when somebody writes a path that ends in
 * /query; one with `-` then removes its path and all below, and fires @releaseDomain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#define FAKE_LINES 512

struct fake_line {
    char kind; /* ' ' there, '!' and '-' waiting for a query, 0 gone */
    char path[256];
    char value[8192];
    unsigned len;
};

struct xs_handle {
    struct fake_line lines[FAKE_LINES];
    unsigned n;
    struct {
        char path[256], token[256];
    } watches[64], events[256];
    unsigned watches_n, events_n, taken;
    int wake[2];
};

static void fake_fire(struct xs_handle *h, const char *path)
{
    for (unsigned i = 0; i < h->watches_n; i++) {
        size_t len = strlen(h->watches[i].path);
        if (strncmp(path, h->watches[i].path, len) != 0 || (path[len] != '\0' && path[len] != '/'))
            continue;
        snprintf(h->events[h->events_n].path, 256, "%s", path);
        strcpy(h->events[h->events_n++].token, h->watches[i].token);
        if (write(h->wake[1], "x", 1) != 1)
            abort();
    }
}

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = calloc(1, sizeof(*h));
    const char *name = getenv("FAKE_XENSTORE");
    FILE *file = name != NULL ? fopen(name, "r") : NULL;
    char text[8192];

    (void)flags;
    if (file == NULL || pipe(h->wake) != 0)
        return NULL;
    while (h->n < FAKE_LINES && fgets(text, sizeof(text), file) != NULL) {
        struct fake_line *line = &h->lines[h->n++];
        char *at = text, *value;
        text[strcspn(text, "\n")] = '\0';
        line->kind = *at == '!' || *at == '-' ? *at++ : ' ';
        value = strchr(at, ' ');
        if (value != NULL)
            *value++ = '\0';
        snprintf(line->path, sizeof(line->path), "%.255s", at);
        for (; value != NULL && *value != '\0'; value++) {
            unsigned byte = (unsigned char)*value;
            if (*value == '%' && sscanf(value + 1, "%2x", &byte) == 1)
                value += 2;
            line->value[line->len++] = (char)byte;
        }
    }
    fclose(file);
    return h;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    (void)t;
    for (unsigned i = h->n; i-- > 0;) {
        if (h->lines[i].kind != ' ' || strcmp(h->lines[i].path, path) != 0)
            continue;
        char *copy = calloc(1, h->lines[i].len + 1);
        memcpy(copy, h->lines[i].value, h->lines[i].len);
        *len = h->lines[i].len;
        return copy;
    }
    errno = ENOENT;
    return NULL;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *n)
{
    char **names = calloc(FAKE_LINES, sizeof(*names) + 256);
    char *room = (char *)(names + FAKE_LINES);
    size_t len = strlen(path);

    (void)t;
    *n = 0;
    for (unsigned i = 0; i < h->n; i++) {
        const char *below = h->lines[i].path + len + 1;
        bool seen = false;
        if (h->lines[i].kind != ' ' || strncmp(h->lines[i].path, path, len) != 0 ||
            h->lines[i].path[len] != '/')
            continue;
        snprintf(room, 256, "%.*s", (int)strcspn(below, "/"), below);
        for (unsigned j = 0; j < *n; j++)
            seen |= strcmp(names[j], room) == 0;
        if (!seen) {
            names[(*n)++] = room;
            room += 256;
        }
    }
    if (*n > 0)
        return names;
    free(names);
    errno = ENOENT;
    return NULL;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    (void)t;
    (void)data;
    (void)len;
    size_t size = strlen(path);

    if (size < 6 || strcmp(path + size - 6, "/query") != 0)
        return true;
    for (unsigned i = 0; i < h->n; i++) {
        struct fake_line *line = &h->lines[i];
        size_t prefix = strlen(line->path);
        if (line->kind == '!') {
            line->kind = ' ';
            fake_fire(h, line->path);
        } else if (line->kind == '-') {
            for (unsigned j = 0; j < h->n; j++)
                if (strncmp(h->lines[j].path, line->path, prefix) == 0 &&
                    (h->lines[j].path[prefix] == '/' || h->lines[j].path[prefix] == '\0'))
                    h->lines[j].kind = 0;
            fake_fire(h, "@releaseDomain");
        }
    }
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    snprintf(h->watches[h->watches_n].path, 256, "%s", path);
    snprintf(h->watches[h->watches_n++].token, 256, "%s", token);
    snprintf(h->events[h->events_n].path, 256, "%s", path);
    snprintf(h->events[h->events_n++].token, 256, "%s", token);
    return write(h->wake[1], "x", 1) == 1;
}

int xs_fileno(struct xs_handle *h)
{
    return h->wake[0];
}

char **xs_check_watch(struct xs_handle *h)
{
    char byte;

    if (h->taken == h->events_n) {
        errno = EAGAIN;
        return NULL;
    }
    if (read(h->wake[0], &byte, 1) != 1)
        abort();
    char **event = calloc(2, sizeof(*event) + 256);
    event[XS_WATCH_PATH] = strcpy((char *)(event + 2), h->events[h->taken].path);
    event[XS_WATCH_TOKEN] = strcpy((char *)(event + 2) + 256, h->events[h->taken++].token);
    return event;
}
