/*
 * rights: open files on their way from one descriptor table entry to another: SCM_RIGHTS.
 *
 * A row of rights holds a reference to each file from sending to receiving, and gives those back
 * that nobody took. Sockets sent over themselves and then closed are never found again, as there is
 * nobody who looks for them.
 */
#ifndef LIBC_GLUE_RIGHTS_H
#define LIBC_GLUE_RIGHTS_H

#include "socket.h"

#define RIGHTS_MAX 253 /* descriptors in one message, as on Linux */

struct rights {
    int n;
    struct file *files[];
};

/*
 * What the control data of a message to be sent holds: NULL in *out when there are no descriptors.
 * -EINVAL for data that makes no sense, -EBADF, -ENOMEM, -EOPNOTSUPP.
 */
int rights_take(const struct socket_message *message, struct rights **out);
/* As descriptors into a receiver's control data: as many as fit. The rights stay. */
void rights_give(const struct rights *rights, struct socket_message *message);
/* Give the references back. May wait; no lock may be held. NULL is allowed. */
void rights_free(struct rights *rights);

#endif
