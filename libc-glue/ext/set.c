/*
 * Sets of block or inode numbers: open addressing, 8 bytes for each member at a load of a half.
 * Zero is no member of any of ours.
 */
#include <stdlib.h>

#include "ext_priv.h"

#define EXT_SET_GONE UINT64_MAX /* removed: searches go on beyond it */

struct ext_set {
    uint64_t *slots;
    size_t size;        /* a power of two, or 0 */
    size_t count, used; /* used: with those that are gone */
};

struct ext_set *ext_set_new(void)
{
    return calloc(1, sizeof(struct ext_set));
}

void ext_set_free(struct ext_set *set)
{
    if (set != NULL) {
        free(set->slots);
        free(set);
    }
}

static size_t ext_set_slot(const struct ext_set *set, uint64_t value)
{
    size_t at = (value * 0x9e3779b97f4a7c15u >> 24) & (set->size - 1);

    while (set->slots[at] != 0 && set->slots[at] != value)
        at = (at + 1) & (set->size - 1);
    return at;
}

static bool ext_set_resize(struct ext_set *set, size_t size)
{
    struct ext_set bigger = { .slots = calloc(size, sizeof(uint64_t)), .size = size };

    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < set->size; i++) {
        if (set->slots[i] != 0 && set->slots[i] != EXT_SET_GONE) {
            bigger.slots[ext_set_slot(&bigger, set->slots[i])] = set->slots[i];
            bigger.count++;
        }
    }
    bigger.used = bigger.count;
    free(set->slots);
    *set = bigger;
    return true;
}

bool ext_set_add(struct ext_set *set, uint64_t value)
{
    size_t at;

    if (2 * (set->used + 1) > set->size) {
        size_t size = 64;

        while (size < 4 * (set->count + 1))
            size *= 2;
        if (!ext_set_resize(set, size))
            return false;
    }
    at = ext_set_slot(set, value);
    if (set->slots[at] == 0) {
        set->slots[at] = value;
        set->count++;
        set->used++;
    }
    return true;
}

bool ext_set_has(const struct ext_set *set, uint64_t value)
{
    return set->count > 0 && set->slots[ext_set_slot(set, value)] == value;
}

void ext_set_remove(struct ext_set *set, uint64_t value)
{
    size_t at;

    if (set->count == 0)
        return;
    at = ext_set_slot(set, value);
    if (set->slots[at] == value) {
        set->slots[at] = EXT_SET_GONE;
        set->count--;
    }
}

void ext_set_clear(struct ext_set *set)
{
    free(set->slots);
    *set = (struct ext_set){ 0 };
}

size_t ext_set_count(const struct ext_set *set)
{
    return set->count;
}

void ext_set_each(const struct ext_set *set, void (*visit)(void *arg, uint64_t value), void *arg)
{
    for (size_t i = 0; i < set->size; i++)
        if (set->slots[i] != 0 && set->slots[i] != EXT_SET_GONE)
            visit(arg, set->slots[i]);
}
