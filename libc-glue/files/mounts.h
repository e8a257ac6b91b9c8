/*
 * mounts: what mount= on the command line asks for, mounted before main, and cwd=, where it begins.
 *
 *     mount=DEV:DIR[:TYPE[:ro]]      repeatable; TYPE is found out when it is left away or "auto"
 *     cwd=DIR                        after all are mounted
 *
 * DIR is made when it is not there. "/" replaces the RAM file system: /dev comes along, and /tmp
 * when the disk is read-only. What cannot be mounted is told in one line, and the program does not
 * start: it would go on without its data.
 *
 * The file systems that can be on a disk are linked into every program that uses paths. One that
 * must not carry them says so: -Wl,--defsym=ext_fs_type=0.
 */
#ifndef LIBC_GLUE_MOUNTS_H
#define LIBC_GLUE_MOUNTS_H

/* Referring to it brings this into the program. */
extern const char mounts_is_linked;

#endif
