/*
 * A file of a ramfs like any other, but for three things. Opening it to read waits for the network as a
 * socket call does, and writes down what it gave if that is something else than before; stat() does so
 * too, without waiting. And once the program writes to it, it is the program's.
 */
#include "resolv_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <resolv.h>
#include <string.h>

#include <runtime/log.h>

#include "files/vfs.h"
#include "lwip/net.h"
#include "resolv_given.h"

const char resolv_file_is_linked = 1;

/* The network alone does not make a program carry the VFS. */
extern __typeof__(vfs_create) vfs_create __attribute__((weak));

#define RESOLV_FILE_LINE (INET6_ADDRSTRLEN + IF_NAMESIZE + 16)

static struct resolv_file {
    struct inode_ops ops;          /* the file's */
    const struct inode_ops *ramfs; /* those below */

    /* Protected by the inode's data. */
    char text[MAXNS * RESOLV_FILE_LINE]; /* what was written down last */
    bool taken;                          /* by the program */
} resolv_file;

/* "nameserver 10.78.0.1\n" for each. */
static void resolv_file_format(char *text, size_t size)
{
    struct netdb_address servers[MAXNS];
    int n = resolv_given(servers, MAXNS);

    *text = '\0';
    for (int i = 0; i < n; i++) {
        char address[INET6_ADDRSTRLEN], zone[IF_NAMESIZE] = "";
        size_t len = strlen(text);

        inet_ntop(servers[i].family, &servers[i].in6, address, sizeof(address));
        if (servers[i].scope != 0)
            if_indextoname(servers[i].scope, zone);
        log_format(text + len, size - len, "nameserver %s%s%s\n", address,
                   zone[0] != '\0' ? "%" : "", zone);
    }
}

/* With the inode's data held. */
static void resolv_file_look(struct inode *inode)
{
    char text[sizeof(resolv_file.text)];
    struct iovec iov = { .iov_base = text };

    if (resolv_file.taken || inode->mapped != NULL)
        return;
    resolv_file_format(text, sizeof(text));
    if (strcmp(text, resolv_file.text) == 0)
        return;
    iov.iov_len = strlen(text);
    if (resolv_file.ramfs->truncate(inode, 0) == 0 &&
        resolv_file.ramfs->write(inode, &iov, 1, 0) == (ssize_t)iov.iov_len)
        strcpy(resolv_file.text, text);
    else
        resolv_file.text[0] = '\0'; /* no memory: the next look tries again */
}

static int resolv_file_open(struct inode *inode, int flags)
{
    bool reads = (flags & O_ACCMODE) != O_WRONLY && (flags & O_TRUNC) == 0;

    if (reads && (flags & O_NONBLOCK) == 0 && net_use(NET_ANY) == -EINTR)
        return -EINTR;
    mutex_lock(&inode->data);
    resolv_file_look(inode);
    mutex_unlock(&inode->data);
    return 0;
}

static int resolv_file_stat(struct inode *inode, struct stat *out)
{
    resolv_file_look(inode);
    return resolv_file.ramfs->stat(inode, out);
}

static ssize_t resolv_file_write(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    resolv_file.taken = true;
    return resolv_file.ramfs->write(inode, iov, n, offset);
}

static int resolv_file_truncate(struct inode *inode, off_t size)
{
    resolv_file.taken = true;
    return resolv_file.ramfs->truncate(inode, size);
}

static int resolv_file_allocate(struct inode *inode, off_t offset, off_t len)
{
    resolv_file.taken = true;
    return resolv_file.ramfs->allocate(inode, offset, len);
}

void resolv_file_start(void)
{
    const struct inode_new dir = { .mode = S_IFDIR | 0755 }, file = { .mode = S_IFREG | 0644 };
    struct inode *inode;
    int error = vfs_create(NULL, "/etc", &dir, NULL);

    if (error == 0 || error == -EEXIST)
        error = vfs_create(NULL, _PATH_RESCONF, &file, &inode);
    if (error < 0) {
        if (error != -EEXIST) /* the initrd's */
            log_line(LOG_WARNING, "network: no " _PATH_RESCONF ": error %d", error);
        return;
    }
    resolv_file = (struct resolv_file){ .ops = *inode->ops, .ramfs = inode->ops };
    resolv_file.ops.open = resolv_file_open;
    resolv_file.ops.stat = resolv_file_stat;
    resolv_file.ops.write = resolv_file_write;
    resolv_file.ops.truncate = resolv_file_truncate;
    resolv_file.ops.allocate = resolv_file_allocate;
    resolv_file.ops.page = NULL; /* what is written in memory comes by write() */
    inode->ops = &resolv_file.ops;
    inode_put(inode);
}
