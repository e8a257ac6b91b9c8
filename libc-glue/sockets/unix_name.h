/*
 * unix_name: names of sockets within the guest: paths, whose nodes lie in the file system, and
 * names of their own ("abstract": the first byte of sun_path is 0).
 *
 * Protected by the mutex "unix" of unix.h, but for unix_name_node() and unix_name_parse().
 */
#ifndef LIBC_GLUE_UNIX_NAME_H
#define LIBC_GLUE_UNIX_NAME_H

#include <stdbool.h>
#include <sys/un.h>

#include <runtime/list.h>

#include "socket.h"

struct inode;
struct unix_socket;

struct unix_name {
    struct list link;    /* in the table, while bound */
    struct inode *inode; /* of a path, held; NULL for the others */
    struct sockaddr_un address;
    socklen_t len; /* of address; just the family's when there is no name */
};

/* Copy and check an address. A path is made to end with a NUL. 0 or -EINVAL. */
int unix_name_parse(struct unix_name *name, const struct sockaddr *address, socklen_t len);

static inline bool unix_name_is_path(const struct unix_name *name)
{
    return name->len > offsetof(struct sockaddr_un, sun_path) && name->address.sun_path[0] != '\0';
}

/* Make the node of a path, or (make false) find it: name->inode. Waits; without the mutex. */
int unix_name_node(struct unix_name *name, bool make);
void unix_name_forget(struct unix_name *name); /* name->inode; without the mutex */

/* -EADDRINUSE when an abstract name is taken. */
int unix_name_bind(struct unix_name *name);
void unix_name_unbind(struct unix_name *name);
/* The bound name equal to name (the same inode, or the same bytes), or NULL. */
struct unix_name *unix_name_find(const struct unix_name *name);

#endif
