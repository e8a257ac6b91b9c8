#include "cpio.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CPIO_MAGIC   "070701"
#define CPIO_FIELDS  13 /* of 8 hexadecimal digits each, after the magic */
#define CPIO_HEADER  (6 + CPIO_FIELDS * 8)
#define CPIO_TRAILER "TRAILER!!!"

enum {
    CPIO_INO, CPIO_MODE, CPIO_UID, CPIO_GID, CPIO_NLINK, CPIO_MTIME, CPIO_FILESIZE, CPIO_DEV_MAJOR,
    CPIO_DEV_MINOR, CPIO_RDEV_MAJOR, CPIO_RDEV_MINOR, CPIO_NAMESIZE, CPIO_CHECK
};

static bool cpio_hex(const char *digits, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++) {
        char c = digits[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static size_t cpio_pad(size_t at)
{
    return (at + 3) & ~(size_t)3;
}

/* One entry at *at, which is moved on. */
static int cpio_read(const char *archive, size_t len, size_t *at, struct cpio_entry *entry)
{
    const char *header = archive + *at;
    uint32_t field[CPIO_FIELDS];
    size_t name, data;

    if (len - *at < CPIO_HEADER || memcmp(header, CPIO_MAGIC, 6) != 0)
        return -EINVAL;
    for (int i = 0; i < CPIO_FIELDS; i++)
        if (!cpio_hex(header + 6 + i * 8, &field[i]))
            return -EINVAL;
    name = *at + CPIO_HEADER;
    if (field[CPIO_NAMESIZE] == 0 || field[CPIO_NAMESIZE] > len - name)
        return -EINVAL;
    if (memchr(archive + name, '\0', field[CPIO_NAMESIZE]) !=
        archive + name + field[CPIO_NAMESIZE] - 1)
        return -EINVAL;
    data = cpio_pad(name + field[CPIO_NAMESIZE]);
    if (data > len || field[CPIO_FILESIZE] > len - data)
        return -EINVAL;
    *entry = (struct cpio_entry){
        .name = archive + name,
        .name_len = field[CPIO_NAMESIZE] - 1,
        .data = archive + data,
        .data_len = field[CPIO_FILESIZE],
        .ino = field[CPIO_INO],
        .mode = field[CPIO_MODE],
        .uid = field[CPIO_UID],
        .gid = field[CPIO_GID],
        .nlink = field[CPIO_NLINK],
        .mtime = field[CPIO_MTIME],
        .dev_major = field[CPIO_DEV_MAJOR],
        .dev_minor = field[CPIO_DEV_MINOR],
        .rdev_major = field[CPIO_RDEV_MAJOR],
        .rdev_minor = field[CPIO_RDEV_MINOR],
    };
    *at = cpio_pad(data + field[CPIO_FILESIZE]);
    return 0;
}

int cpio_each(const void *archive, size_t len,
              int (*visit)(void *arg, const struct cpio_entry *entry), void *arg, size_t *offset)
{
    const char *bytes = archive;
    bool ended = false; /* a trailer came, and since then only zeroes */
    size_t at = 0;

    while (at < len) {
        struct cpio_entry entry;
        int error;

        *offset = at;
        if (ended && bytes[at] == '\0') {
            at++;
            continue;
        }
        error = cpio_read(bytes, len, &at, &entry);
        if (error < 0)
            return error;
        ended = strcmp(entry.name, CPIO_TRAILER) == 0;
        error = ended ? 0 : visit(arg, &entry);
        if (error != 0)
            return error;
    }
    *offset = len;
    return ended ? 0 : -EINVAL; /* cut off */
}
