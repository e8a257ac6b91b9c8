/*
 * ramfs_dir: the entries of one directory in memory.
 *
 * Each entry is in a hash table, by name, and in a numbered slot, which it keeps for life: slot
 * numbers are readdir's positions, so that reading a directory while files come and go gives every
 * other entry once. Serialised by the owner (the tree lock).
 */
#ifndef LIBC_GLUE_RAMFS_DIR_H
#define LIBC_GLUE_RAMFS_DIR_H

#include <stddef.h>
#include <stdint.h>

#include "inode.h"

struct ramfs_entry {
    struct ramfs_entry *next; /* in its bucket */
    struct inode *inode;      /* a reference, whose keeping is the owner's business */
    size_t slot;
    uint32_t hash;
    uint8_t len;
    char name[];
};

struct ramfs_dir {
    size_t entries;
    struct ramfs_entry **bucket;
    size_t buckets; /* a power of two, or 0 */
    uintptr_t *slot; /* an entry, or the next free slot as number * 2 + 1 */
    size_t slots;    /* allocated */
    size_t used;     /* slots from here on were never used */
    size_t free;     /* first free slot below used, or SIZE_MAX */
};

void ramfs_dir_init(struct ramfs_dir *dir);
void ramfs_dir_free(struct ramfs_dir *dir);
struct ramfs_entry *ramfs_dir_find(const struct ramfs_dir *dir, struct vfs_name name);
/* The name is not there yet. NULL when memory ran out. */
struct ramfs_entry *ramfs_dir_insert(struct ramfs_dir *dir, struct vfs_name name,
                                     struct inode *inode);
void ramfs_dir_remove(struct ramfs_dir *dir, struct ramfs_entry *entry);
/* The first entry in slot number at or later, or NULL. */
struct ramfs_entry *ramfs_dir_at(const struct ramfs_dir *dir, size_t at);

#endif
