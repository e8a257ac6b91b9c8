/* /etc/resolv.conf as a program sees it that reads it itself: what the network gave, or its own. */
#include "glue_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include "files/ramfs.h"
#include "files/vfs.h"
#include "lwip/net.h"
#include "sockets/resolv_file.h"
#include "sockets/resolv_given.h"

#define CONF "/etc/resolv.conf"

const char rootfs_is_linked = 1;

static struct netdb_address given[4];
static int n_given, waits, interrupted;

int resolv_given(struct netdb_address *servers, int max)
{
    int n = n_given < max ? n_given : max;

    memcpy(servers, given, (size_t)n * sizeof(*given));
    return n;
}

int net_use(enum net_need need)
{
    CHECK_EQ(need, NET_ANY); /* the first server will do */
    waits++;
    return interrupted ? -EINTR : 0;
}

static void give(const char *text, unsigned scope)
{
    struct netdb_address *address = &given[n_given++];

    *address = (struct netdb_address){ .family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET,
                                       .scope = scope };
    CHECK_EQ(inet_pton(address->family, text, &address->in6), 1);
}

/* A guest that begins, with or without something in its initrd. */
static void begin(const char *initrd)
{
    const struct inode_new dir = { .mode = S_IFDIR | 0755 }, file = { .mode = S_IFREG | 0644 };
    static struct fs *root;
    struct inode *inode;

    if (root == NULL) {
        CHECK_EQ(ramfs_new(&root), 0);
        CHECK_EQ(vfs_mount(root, NULL), 0);
    }
    if (initrd != NULL) {
        CHECK_EQ(vfs_create(NULL, "/etc", &dir, NULL), 0);
        CHECK_EQ(vfs_create(NULL, CONF, &file, &inode), 0);
        ramfs_set_content(inode, initrd, strlen(initrd));
        inode_put(inode);
    }
    n_given = waits = interrupted = 0;
    resolv_file_start();
}

static void end(void)
{
    CHECK_EQ(vfs_unlink(NULL, CONF), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/etc"), 0);
}

static struct file *open_file(int flags)
{
    struct file *file;

    CHECK_EQ(vfs_open(NULL, CONF, flags, 0, &file), 0);
    return file;
}

static const char *text_of(struct file *file)
{
    static char text[256];
    const off_t start = 0;
    struct iovec iov = { text, sizeof(text) - 1 };
    ssize_t n = file_read(file, &iov, 1, &start);

    CHECK(n >= 0);
    text[n] = '\0';
    return text;
}

static const char *read_conf(void)
{
    struct file *file = open_file(O_RDONLY);
    const char *text = text_of(file);

    CHECK_EQ(file_seek(file, 0, SEEK_END), (off_t)strlen(text));
    file_put(file);
    return text;
}

static off_t size_of_conf(void)
{
    struct stat about = { 0 };
    struct inode *inode;

    CHECK_EQ(vfs_lookup(NULL, CONF, 0, &inode), 0);
    CHECK_EQ(inode_stat(inode, &about), 0);
    inode_put(inode);
    return about.st_size;
}

static void write_conf(int flags, const char *text)
{
    struct iovec iov = { (char *)text, strlen(text) };
    struct file *file = open_file(O_WRONLY | flags);

    CHECK_EQ(file_write(file, &iov, 1, NULL), (ssize_t)strlen(text));
    file_put(file);
}

/* What does a resolver read that opens the file when the program begins, and later again? */
TEST(what_the_network_gave_is_read)
{
    struct file *early;

    begin(NULL);
    CHECK_STR(read_conf(), "");
    CHECK_EQ(waits, 1);
    give("10.78.0.1", 0);
    give("fe80::1", 1);
    CHECK_STR(read_conf(), "nameserver 10.78.0.1\nnameserver fe80::1%lo\n");
    early = open_file(O_RDONLY);
    give("fd00::53", 0);
    give("10.0.0.4", 0); /* one more than resolvers ask */
    CHECK_STR(read_conf(), "nameserver 10.78.0.1\nnameserver fe80::1%lo\nnameserver fd00::53\n");
    CHECK_STR(text_of(early), "nameserver 10.78.0.1\nnameserver fe80::1%lo\nnameserver fd00::53\n");
    n_given = 1;
    CHECK_STR(read_conf(), "nameserver 10.78.0.1\n");
    CHECK_STR(text_of(early), "nameserver 10.78.0.1\n");
    n_given = 0;
    CHECK_STR(read_conf(), "");
    file_put(early);
    end();
}

/* Some look only at the size or the time; and some do not want to wait. */
TEST(who_only_looks_does_not_wait)
{
    struct file *file;

    begin(NULL);
    CHECK_EQ(size_of_conf(), 0);
    give("10.78.0.1", 0);
    CHECK_EQ(size_of_conf(), (off_t)strlen("nameserver 10.78.0.1\n"));
    give("10.78.0.2", 0);
    file = open_file(O_RDONLY | O_NONBLOCK);
    CHECK_STR(text_of(file), "nameserver 10.78.0.1\nnameserver 10.78.0.2\n");
    file_put(file);
    CHECK_EQ(waits, 0);
    end();
}

TEST(a_signal_ends_the_wait)
{
    struct file *file;

    begin(NULL);
    interrupted = 1;
    CHECK_EQ(vfs_open(NULL, CONF, O_RDONLY, 0, &file), -EINTR);
    interrupted = 0;
    CHECK_STR(read_conf(), "");
    end();
}

TEST(the_initrds_file_stays)
{
    begin("nameserver 10.9.9.9\n");
    give("10.78.0.1", 0);
    CHECK_STR(read_conf(), "nameserver 10.9.9.9\n");
    CHECK_EQ(size_of_conf(), (off_t)strlen("nameserver 10.9.9.9\n"));
    CHECK_EQ(waits, 0);
    end();
}

/* A program that has its own idea of name servers is not contradicted. */
TEST(what_the_program_writes_stays)
{
    begin(NULL);
    give("10.78.0.1", 0);
    write_conf(O_APPEND, "options rotate\n");
    CHECK_STR(read_conf(), "nameserver 10.78.0.1\noptions rotate\n");
    CHECK_EQ(waits, 1); /* not to write */
    give("10.78.0.2", 0);
    CHECK_STR(read_conf(), "nameserver 10.78.0.1\noptions rotate\n");
    write_conf(O_TRUNC, "search test\n");
    CHECK_STR(read_conf(), "search test\n");
    end();
}
