/*
 * users: the lines of /etc/passwd, /etc/group and the like. When there is no such file, a text that
 * is built in stands for it.
 */
#ifndef LIBC_GLUE_USERS_H
#define LIBC_GLUE_USERS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct users_table {
    FILE *file;          /* NULL: what is left of the built-in text counts */
    const char *builtin;
    char *line;          /* the last that was read; lives until users_free() */
    size_t size;
    char **members;      /* of a group, in its line */
    bool open;
};

/* 0, or what fopen() failed with other than ENOENT. */
int users_open(struct users_table *table, const char *path, const char *builtin);

/* The next line that is neither empty nor a comment, without its end; NULL behind the last. */
char *users_line(struct users_table *table);

/* The line stays. */
void users_close(struct users_table *table);
void users_free(struct users_table *table);

/* Take a line apart at its colons: true when there are just so many fields. */
bool users_fields(char *line, char **fields, int n);
bool users_id(const char *text, unsigned *id);

/* Move the string at *text into the buffer. False when it is full. */
bool users_copy(char **text, char **buffer, size_t *size);

#endif
