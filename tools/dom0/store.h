/*
 * store: xenstore as these programs use it, over libxenstore.
 *
 * One connection for the program. What a guest may have written is not trusted: a value has a length
 * limit, a word an alphabet, a number a range, and one that breaks them counts as not there. A
 * xenstored that does not answer ends the program with one line.
 */
#ifndef DOM0_STORE_H
#define DOM0_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PATH_MAX 256

/* Before everything else. */
void store_open(void);

/* Whether the value was there and fits; value is a string then (a NUL inside makes it not fit). */
bool store_read(const char *path, char *value, size_t size);

/* Letters, digits and . _ + - ~ : only. */
bool store_read_word(const char *path, char *word, size_t size);

/* A decimal number from 0 to max, or -1. */
int64_t store_read_number(const char *path, int64_t max);

void store_write(const char *path, const char *value);

/* The names in a directory, in a block to be freed by the caller; n is 0 when there is none. */
char **store_list(const char *path, unsigned *n);

/*
 * Be told of changes at and below path. One event comes at once. A guest's path may vanish and come
 * back, the watch stays.
 */
void store_watch(const char *path, const char *token);

struct store_event {
    char path[STORE_PATH_MAX];
    char token[STORE_PATH_MAX];
};

/* The next event; false when the deadline (of cli_now_ms(); INT64_MAX: none) has passed. */
bool store_next(int64_t deadline_ms, struct store_event *event);

#endif
