/*
 * resolv_file: /etc/resolv.conf for programs that read it themselves: it shows the name servers that the
 * network gave, unless the initrd brought a file of that name.
 */
#ifndef LIBC_GLUE_RESOLV_FILE_H
#define LIBC_GLUE_RESOLV_FILE_H

/* Referring to it brings the file into a program that has paths. */
extern const char resolv_file_is_linked;

/* Boot: make it. The root is mounted, and has what the initrd brought. Weak: only with the network. */
void resolv_file_start(void) __attribute__((weak));

#endif
