#include "ramfs_dir.h"

#include <stdlib.h>
#include <string.h>

#define RAMFS_DIR_LEAST   8u /* buckets and slots of a directory that has anything */
#define RAMFS_DIR_NO_SLOT SIZE_MAX

void ramfs_dir_init(struct ramfs_dir *dir)
{
    memset(dir, 0, sizeof(*dir));
    dir->free = RAMFS_DIR_NO_SLOT;
}

void ramfs_dir_free(struct ramfs_dir *dir)
{
    free(dir->bucket);
    free(dir->slot);
    ramfs_dir_init(dir);
}

/* FNV-1a: short names, spread over all bits. */
static uint32_t ramfs_dir_hash(struct vfs_name name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.text[i]) * 16777619u;
    return hash ^ hash >> 15;
}

struct ramfs_entry *ramfs_dir_find(const struct ramfs_dir *dir, struct vfs_name name)
{
    uint32_t hash = ramfs_dir_hash(name);
    struct ramfs_entry *entry;

    if (dir->buckets == 0)
        return NULL;
    for (entry = dir->bucket[hash & (dir->buckets - 1)]; entry != NULL; entry = entry->next)
        if (entry->hash == hash && entry->len == name.len &&
            memcmp(entry->name, name.text, name.len) == 0)
            break;
    return entry;
}

static int ramfs_dir_rehash(struct ramfs_dir *dir)
{
    size_t buckets = dir->buckets == 0 ? RAMFS_DIR_LEAST : dir->buckets * 2;
    struct ramfs_entry **fresh = calloc(buckets, sizeof(struct ramfs_entry *));

    if (fresh == NULL)
        return -1;
    for (size_t i = 0; i < dir->buckets; i++) {
        struct ramfs_entry *entry, *next;

        for (entry = dir->bucket[i]; entry != NULL; entry = next) {
            struct ramfs_entry **bucket = &fresh[entry->hash & (buckets - 1)];

            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(dir->bucket);
    dir->bucket = fresh;
    dir->buckets = buckets;
    return 0;
}

static int ramfs_dir_more_slots(struct ramfs_dir *dir)
{
    size_t slots = dir->slots == 0 ? RAMFS_DIR_LEAST : dir->slots * 2;
    uintptr_t *fresh = realloc(dir->slot, slots * sizeof(uintptr_t));

    if (fresh == NULL)
        return -1;
    dir->slot = fresh;
    dir->slots = slots;
    return 0;
}

static void ramfs_dir_take_slot(struct ramfs_dir *dir, struct ramfs_entry *entry)
{
    if (dir->free != RAMFS_DIR_NO_SLOT) {
        uintptr_t next = dir->slot[dir->free];

        entry->slot = dir->free;
        dir->free = next == UINTPTR_MAX ? RAMFS_DIR_NO_SLOT : next / 2;
    } else {
        entry->slot = dir->used++;
    }
    dir->slot[entry->slot] = (uintptr_t)entry;
}

struct ramfs_entry *ramfs_dir_insert(struct ramfs_dir *dir, struct vfs_name name,
                                     struct inode *inode)
{
    struct ramfs_entry *entry, **bucket;

    if (dir->entries >= dir->buckets && ramfs_dir_rehash(dir) < 0)
        return NULL;
    if (dir->free == RAMFS_DIR_NO_SLOT && dir->used == dir->slots && ramfs_dir_more_slots(dir) < 0)
        return NULL;
    entry = malloc(sizeof(*entry) + name.len + 1);
    if (entry == NULL)
        return NULL;
    entry->inode = inode;
    entry->hash = ramfs_dir_hash(name);
    entry->len = (uint8_t)name.len;
    memcpy(entry->name, name.text, name.len);
    entry->name[name.len] = '\0';
    bucket = &dir->bucket[entry->hash & (dir->buckets - 1)];
    entry->next = *bucket;
    *bucket = entry;
    ramfs_dir_take_slot(dir, entry);
    dir->entries++;
    return entry;
}

void ramfs_dir_remove(struct ramfs_dir *dir, struct ramfs_entry *entry)
{
    struct ramfs_entry **at = &dir->bucket[entry->hash & (dir->buckets - 1)];

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    dir->slot[entry->slot] = dir->free == RAMFS_DIR_NO_SLOT ? UINTPTR_MAX : dir->free * 2 + 1;
    dir->free = entry->slot;
    free(entry);
    if (--dir->entries == 0)
        ramfs_dir_free(dir);
}

struct ramfs_entry *ramfs_dir_at(const struct ramfs_dir *dir, size_t at)
{
    for (; at < dir->used; at++)
        if (!(dir->slot[at] & 1))
            return (struct ramfs_entry *)dir->slot[at];
    return NULL;
}
