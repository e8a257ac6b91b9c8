#define _GNU_SOURCE
#include "users.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int users_open(struct users_table *table, const char *path, const char *builtin)
{
    users_close(table);
    table->file = fopen(path, "re");
    if (table->file == NULL && errno != ENOENT && errno != ENOTDIR)
        return errno;
    table->builtin = builtin;
    table->open = true;
    return 0;
}

/* The same as getline() does, from the built-in text. */
static ssize_t users_builtin_line(struct users_table *table)
{
    size_t len = strcspn(table->builtin, "\n");

    if (*table->builtin == '\0')
        return -1;
    if (table->size <= len) {
        char *line = realloc(table->line, len + 1);

        if (line == NULL)
            return -1;
        table->line = line;
        table->size = len + 1;
    }
    memcpy(table->line, table->builtin, len);
    table->line[len] = '\0';
    table->builtin += len + (table->builtin[len] == '\n');
    return (ssize_t)len;
}

char *users_line(struct users_table *table)
{
    for (;;) {
        ssize_t len = table->file != NULL ? getline(&table->line, &table->size, table->file)
                                          : users_builtin_line(table);

        if (len < 0)
            return NULL;
        while (len > 0 && isspace((unsigned char)table->line[len - 1]))
            table->line[--len] = '\0';
        if (len > 0 && table->line[0] != '#')
            return table->line;
    }
}

void users_close(struct users_table *table)
{
    if (table->file != NULL)
        fclose(table->file);
    table->file = NULL;
    table->open = false;
}

void users_free(struct users_table *table)
{
    users_close(table);
    free(table->line);
    free(table->members);
    *table = (struct users_table){ 0 };
}

bool users_fields(char *line, char **fields, int n)
{
    for (int i = 0; i < n; i++) {
        fields[i] = line;
        line = strchr(line, ':');
        if (line == NULL)
            return i == n - 1;
        *line++ = '\0';
    }
    return false;
}

bool users_id(const char *text, unsigned *id)
{
    unsigned long value;
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    value = strtoul(text, &end, 10);
    *id = (unsigned)value;
    return *end == '\0' && value <= UINT_MAX;
}

bool users_copy(char **text, char **buffer, size_t *size)
{
    size_t len = strlen(*text) + 1;

    if (len > *size)
        return false;
    *text = memcpy(*buffer, *text, len);
    *buffer += len;
    *size -= len;
    return true;
}
