/*
 * mapping_rig: a file system of one file for the tests of mapped files, and page faults that are real: an
 * access to a page that is not mapped gets SIGSEGV from Linux, which goes to mapping_fault.c as a trap would.
 *
 * mmap() and its relatives are libc-glue's own in these tests (see CMakeLists.txt); the file's descriptor is 3.
 */
#ifndef TESTS_HOST_MAPPING_RIG_H
#define TESTS_HOST_MAPPING_RIG_H

#include "guest_threads.h"

#include <signal.h>
#include <sys/mman.h>

#include "memory/mapping_file.h"
#include "memory/mapping_pages.h"

#define PAGE ((size_t)PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)
#define RIG_FD 3

/* The file as its device has it. */
struct rig_file {
    struct inode inode;
    uint8_t *bytes;
    size_t room; /* of bytes */
    unsigned reads, writes, syncs, allocations;
    unsigned read_pages, written_pages;
    int read_error, write_error, allocate_error;
    unsigned writes_left; /* before write_error holds */
    void (*on_write)(void);
    uint64_t read_takes_ns;
};

extern struct rig_file rig;
/* What was registered to run at an orderly end. */
extern void (*rig_at_exit)(void);

/* Run body in the threads of a new domain of 8 MiB, with a file of so many bytes; nothing is mapped then. */
void rig_run(size_t size, void (*body)(void));

uint8_t *rig_map(size_t first, size_t pages, int prot, int flags);
/* The signal that an access gets, or 0. */
int rig_touch(const volatile uint8_t *at, bool write);
/* As read(), write() and ftruncate() do it. */
void rig_read(void *data, size_t len, off_t offset);
void rig_write(const void *data, size_t len, off_t offset);
void rig_truncate(size_t size);
bool rig_all(const uint8_t *at, size_t len, int value);

#endif
