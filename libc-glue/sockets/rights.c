#define _GNU_SOURCE
#include "rights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files/fd.h"

static int rights_add(struct rights *rights, const struct cmsghdr *header)
{
    int n = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));

    for (int i = 0; i < n; i++) {
        struct file *file;
        int fd;

        memcpy(&fd, CMSG_DATA(header) + (size_t)i * sizeof(fd), sizeof(fd));
        if (rights->n == RIGHTS_MAX)
            return -EINVAL;
        file = fd_get(fd);
        if (file == NULL)
            return -EBADF;
        rights->files[rights->n++] = file;
    }
    return 0;
}

int rights_take(const struct socket_message *message, struct rights **out)
{
    struct rights *rights = NULL;
    size_t at = 0, left;
    int error = 0;

    *out = NULL;
    while (error == 0 && (left = message->control_len - at) >= sizeof(struct cmsghdr)) {
        const struct cmsghdr *header =
            (const struct cmsghdr *)((const char *)message->control + at);

        if (header->cmsg_len < sizeof(*header) || header->cmsg_len > left) {
            error = -EINVAL;
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            if (rights == NULL)
                rights = calloc(1, sizeof(*rights) + RIGHTS_MAX * sizeof(rights->files[0]));
            error = rights == NULL ? -ENOMEM : rights_add(rights, header);
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type != SCM_CREDENTIALS) {
            error = -EINVAL;
        }
        at += CMSG_ALIGN(header->cmsg_len) < left ? CMSG_ALIGN(header->cmsg_len) : left;
    }
    if (error < 0 || rights == NULL || rights->n == 0) {
        rights_free(rights);
        return error;
    }
    *out = rights;
    return 0;
}

void rights_give(const struct rights *rights, struct socket_message *message)
{
    size_t room = message->control_len - message->control_used;
    int fds[RIGHTS_MAX], fit, n = 0;

    fit = room < CMSG_LEN(sizeof(int)) ? 0 : (int)((room - CMSG_LEN(0)) / sizeof(int));
    if (message->control == NULL)
        fit = 0;
    if (fit < rights->n)
        message->out_flags |= MSG_CTRUNC;
    while (n < fit && n < rights->n) {
        int fd = fd_install(rights->files[n], (message->flags & MSG_CMSG_CLOEXEC) != 0);

        if (fd < 0) {
            message->out_flags |= MSG_CTRUNC;
            break;
        }
        file_ref(rights->files[n]); /* the descriptor's own */
        fds[n++] = fd;
    }
    if (n > 0)
        socket_message_control(message, SOL_SOCKET, SCM_RIGHTS, fds, (size_t)n * sizeof(int));
}

void rights_free(struct rights *rights)
{
    if (rights == NULL)
        return;
    for (int i = 0; i < rights->n; i++)
        file_put(rights->files[i]);
    free(rights);
}
