/*
 * mapping_file: files in memory: which addresses show which file (areas), and the pages of those files
 * that are here (sets), one page for all mappings of it.
 *
 * A page comes when it is first touched (mapping_fault.c). Of a file system on a device it is a copy:
 * clean ones are mapped read-only, so that the first write is a fault too, which takes the space on
 * the device and makes the page dirty; dirty ones go back at msync(), fsync(), sync(), when the last
 * mapping goes, at exit, and when there are too many. Clean ones are dropped when memory is short. A
 * file system that keeps its content in pages (inode_ops.page) has them mapped as they are: nothing to
 * write back, nothing to drop. A private mapping shows the same pages until it is written to.
 * read() and write() agree with all of this through mapping_pages.h. Pages go away from a file that is
 * cut, and what touches them then, or cannot be read, gets SIGBUS.
 *
 * Locks, in the order in which they are taken:
 *   mapping_mutex   one change of mappings at a time: mmap, munmap, mprotect, mremap
 *   inode->data     around everything that reads or writes the file
 *   mapping.lock    areas, sets, pages, and what the page tables have of areas; never across a wait
 */
#ifndef LIBC_GLUE_MAPPING_FILE_H
#define LIBC_GLUE_MAPPING_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platform/spinlock.h>
#include <runtime/list.h>

#include "files/inode.h"
#include "mapping.h"

/* A page that is here: of a file (key: its set), or a private copy (key: NULL). */
struct mapping_page {
    struct list use;    /* in mapping.active or mapping.idle; of a copy: in area->own */
    struct list in_set; /* in set->clean or set->dirty */
    struct mapping_page *hash_next;
    struct mapping_set *key;
    uint64_t index; /* number of the page in the file; of a copy: of its address */
    void *page;
    unsigned pins; /* calls under way that use it: it stays, mapped as it is */
    bool dirty;
    bool backed; /* the device has space for it */
    bool is_idle;
};

/* What is here of one file. Lives while areas, or calls under way, refer to it. */
struct mapping_set {
    struct list link; /* in mapping.sets */
    struct inode *inode;
    struct list areas;
    struct list clean, dirty;
    unsigned refs;
    unsigned round; /* of mapping_pages_sync_all() */
    bool direct;    /* the file system's own pages are mapped: none is counted here */

    /* Reading ahead; protected by inode->data. */
    uint64_t next;
    unsigned window;
};

/* Addresses that show a part of a file. */
struct mapping_area {
    struct list link;   /* in mapping.areas, by address */
    struct list in_set; /* in set->areas */
    struct list own;    /* private copies */
    struct mapping_set *set;
    uintptr_t start;
    size_t pages;
    uint64_t first; /* page of the file at start */
    unsigned prot;  /* MEMORY_* */
    bool shared;
    bool may_write; /* mprotect() may allow it */
    bool gone;      /* being unmapped: nothing new is connected */
};

extern struct mapping_state {
    struct spinlock lock;
    struct list areas, sets;
    struct list active, idle; /* pages of sets; those longest untouched come first */
    size_t n_pages, n_idle, n_dirty;
} mapping;

static inline uintptr_t mapping_area_end(const struct mapping_area *area)
{
    return area->start + area->pages * PAGE_SIZE;
}

static inline uint64_t mapping_area_index(const struct mapping_area *area, uintptr_t va)
{
    return area->first + (va - area->start) / PAGE_SIZE;
}

/* ---- mapping_set.c ---- */

/* Before the first area: 0 or -ENOMEM. */
int mapping_set_start(void);

/* The set of a file, with a reference. 0 or -ENOMEM. */
int mapping_set_get(struct inode *inode, struct mapping_set **out);
/* The same of a file that has one; else NULL. */
struct mapping_set *mapping_set_of(struct inode *inode);
/* May wait: the last one writes back. No lock is held, but mapping_mutex may be. */
void mapping_set_put(struct mapping_set *set);
/* Write what is dirty, to the file system; inode->data is held. */
int mapping_write_back(struct mapping_set *set);
/* Drop or write back until there is room for n pages more. No lock is held. */
void mapping_make_room(size_t n);

/* With the lock held: */
struct mapping_page *mapping_find(struct mapping_set *key, uint64_t index);
void mapping_touch(struct mapping_page *page);
void mapping_soil(struct mapping_page *page);
/* A page of a file goes from everywhere, dirty or not. */
void mapping_drop(struct mapping_page *page);
/* A copy of content, an area's own page at va; NULL without memory. */
struct mapping_page *mapping_copy(struct mapping_area *area, uintptr_t va, const void *content);
void mapping_drop_copy(struct mapping_page *copy);
void mapping_move_copy(struct mapping_page *copy, uintptr_t va);
/* Read pages from index on into the set; inode->data is held, the lock is not. */
int mapping_fill(struct mapping_set *set, uint64_t index);

/* ---- mapping_area.c ---- */

/* With the lock held: the area at va, or NULL; the first one that ends after va. */
struct mapping_area *mapping_area_at(uintptr_t va);
struct mapping_area *mapping_area_after(uintptr_t va);

/*
 * For mmap(): show n pages of the file from offset on, at *at (0: where there is room), where no file is
 * shown. protection is MEMORY_*. With mapping_mutex held. 0 or a negative errno.
 */
int mapping_file_map(uintptr_t *at, size_t n, unsigned protection, bool shared, struct file *file,
                     off_t offset);
/* Whatever shows files in the range does so no more; the addresses stay taken. mapping_mutex held. */
int mapping_file_cut(uintptr_t at, size_t n);
/* mprotect() of a range in which files may be shown, among other things. -ENOENT: nothing is there. */
int mapping_file_protect(uintptr_t at, size_t n, unsigned protection);
/* mremap(): -ENOENT when it is no file's. mapping_mutex held. */
long mapping_file_remap(uintptr_t at, size_t old, size_t n, bool may_move);
/* msync(): write back what is dirty in the range, and with `now` let it reach the device. */
int mapping_file_sync(uintptr_t at, size_t n, bool now);
/* MADV_DONTNEED of one page: true if it is a file's, whose content shows again. */
bool mapping_file_forget(uintptr_t va);
/* Is the page at va a file's? *resident: and here. */
bool mapping_is_file(uintptr_t va, bool *resident);

/* ---- mapping_fault.c ---- */

/*
 * Let va be readable (or writable, executable), waiting for its page if need be. 0; -EFAULT when no file
 * is shown there; -EACCES when the mapping forbids it; else what keeps the page away: -ENXIO beyond the
 * file's end, -ENOSPC, -EIO, -ENOMEM. MEMORY_* tells what for.
 */
int mapping_resolve(uintptr_t va, unsigned access);
/* The same, and keep it so. *out: for mapping_unpin(), NULL when there is nothing to keep. */
int mapping_pin(uintptr_t va, unsigned access, struct mapping_page **out);
void mapping_unpin(struct mapping_page *page);
void mapping_fault_start(void);

/* ---- mapping_pages.c ---- */

/*
 * Write back everything. This one is not weak, as all else there is: it brings that file into the image
 * wherever files are mapped.
 */
void mapping_pages_at_exit(void);

/* mapping_pin.c is to be in the image wherever files are mapped; what it has is weak elsewhere. */
extern const char mapping_pin_is_linked;

#endif
