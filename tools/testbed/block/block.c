/*
 * block-quick: the testbed's block script: what Xen's own does for a `phy:` disk, as one small
 * process. xl waits 40 s for a script, and calls those of all disks at once: on an emulated and
 * loaded machine a shell and what it starts can take longer.
 *
 * Usage: block-quick add|remove, with XENBUS_PATH in the environment: the back end's directory.
 *
 * Unlike Xen's own it does not look through all domains for others that use the disk: QEMU has
 * locked its file. Source: xen/io/xs_wire.h; docs/man/xl-disk-configuration of Xen.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#define STORE "/run/xenstored/socket"
#define PATH_SIZE 512
#define LOG "/var/log/xen/xen-hotplug.log"

static int store = -1;
static const char *directory;

static void block_log(const char *what, const char *why)
{
    FILE *log = fopen(LOG, "a");

    if (log != NULL) {
        fprintf(log, "block-quick: %s: %s: %s\n", directory, what, why);
        fclose(log);
    }
}

static int block_connect(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = STORE };

    store = socket(AF_UNIX, SOCK_STREAM, 0);
    return store < 0 ? -1 : connect(store, (struct sockaddr *)&address, sizeof(address));
}

static int block_send(const void *data, size_t len)
{
    return write(store, data, len) == (ssize_t)len ? 0 : -1;
}

static int block_receive(void *data, size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t part = read(store, (char *)data + n, len - n);

        if (part <= 0)
            return -1;
        n += (size_t)part;
    }
    return 0;
}

/*
 * One request about a key of the directory; the answer's payload, NUL-terminated, in reply. 0, or -1
 * with errno.
 */
static int block_ask(uint32_t type, const char *key, const char *value,
                     char reply[XENSTORE_PAYLOAD_MAX + 1])
{
    char body[2 * PATH_SIZE];
    int path = snprintf(body, PATH_SIZE, "%s/%s", directory, key);
    size_t len = strlen(value);
    struct xsd_sockmsg message = { .type = type, .len = (uint32_t)path + 1 };

    if (path < 0 || path >= PATH_SIZE || len >= PATH_SIZE) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (type == XS_WRITE) { /* the value has no NUL */
        memcpy(body + path + 1, value, len);
        message.len += (uint32_t)len;
    }
    if (block_send(&message, sizeof(message)) != 0 || block_send(body, message.len) != 0 ||
        block_receive(&message, sizeof(message)) != 0)
        return -1;
    if (message.len > XENSTORE_PAYLOAD_MAX) {
        errno = EPROTO;
        return -1;
    }
    if (block_receive(reply, message.len) != 0)
        return -1;
    reply[message.len] = '\0';
    if (message.type == XS_ERROR) {
        block_log(key, reply);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static int block_put(const char *key, const char *value)
{
    char reply[XENSTORE_PAYLOAD_MAX + 1];

    return block_ask(XS_WRITE, key, value, reply);
}

static int block_fail(const char *what, const char *why)
{
    char text[PATH_SIZE];

    snprintf(text, sizeof(text), "%.200s: %s", what, why);
    block_log("failed", text);
    if (store >= 0) {
        block_put("hotplug-error", text);
        block_put("hotplug-status", "error");
    }
    return 1;
}

static int block_add(void)
{
    static char device[XENSTORE_PAYLOAD_MAX + 1];
    char number[40];
    struct stat stat_of;

    if (block_ask(XS_READ, "params", "", device) != 0)
        return block_fail("params", strerror(errno));
    if (stat(device, &stat_of) != 0)
        return block_fail(device, strerror(errno));
    if (!S_ISBLK(stat_of.st_mode))
        return block_fail(device, "no block device");
    snprintf(number, sizeof(number), "%x:%x", major(stat_of.st_rdev), minor(stat_of.st_rdev));
    /* The back end looks at the first of these as soon as it is there; xl waits for the last. */
    if (block_put("physical-device", number) != 0 || block_put("physical-device-path", device) != 0 ||
        block_put("hotplug-status", "connected") != 0)
        return block_fail("xenstore", strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    directory = getenv("XENBUS_PATH");
    if (argc != 2 || directory == NULL) {
        fprintf(stderr, "usage: XENBUS_PATH=... block-quick add|remove\n");
        return 2;
    }
    if (strcmp(argv[1], "add") != 0)
        return 0;
    if (block_connect() != 0)
        return block_fail("xenstored", strerror(errno));
    return block_add();
}
