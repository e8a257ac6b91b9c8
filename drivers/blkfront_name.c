/* Virtual device numbers and the names that xl and Linux have for them. */
#include <drivers/blkfront.h>

#include <errno.h>
#include <string.h>

#include <runtime/log.h>

#define BLKFRONT_EXTENDED (1u << 28)
#define BLKFRONT_MINORS_MAX 256u

/* "a" .. "z", "aa" ..: the digits of a number without a zero. */
static void blkfront_letters(uint32_t disk, char out[8])
{
    char reversed[8];
    size_t n = 0;

    for (disk++; disk > 0; disk = (disk - 1) / 26)
        reversed[n++] = (char)('a' + (disk - 1) % 26);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = '\0';
}

static void blkfront_spell(struct blkfront_name *name, const char *kind, uint32_t disk,
                           uint32_t partition)
{
    char letters[8];

    blkfront_letters(disk, letters);
    if (partition == 0)
        log_format(name->text, sizeof(name->text), "%s%s", kind, letters);
    else
        log_format(name->text, sizeof(name->text), "%s%s%u", kind, letters, partition);
}

int blkfront_name(uint64_t number, struct blkfront_name *name)
{
    uint32_t vdev = (uint32_t)number;
    uint32_t major = vdev >> 8, minor = vdev & 0xff;

    memset(name, 0, sizeof(*name));
    if (number >= 2 * (uint64_t)BLKFRONT_EXTENDED)
        return -EINVAL;
    if (vdev & BLKFRONT_EXTENDED) {
        uint32_t disk = (vdev - BLKFRONT_EXTENDED) >> 8;

        blkfront_spell(name, "xvd", disk, minor);
        if (disk * 16 + 15 < BLKFRONT_MINORS_MAX && minor < 16) {
            name->major = 202;
            name->minor = (uint16_t)(disk * 16 + minor);
        }
        return 0;
    }
    switch (major) {
    case 202:
        blkfront_spell(name, "xvd", minor / 16, minor % 16);
        break;
    case 8:
        blkfront_spell(name, "sd", minor / 16, minor % 16);
        break;
    case 3:
        blkfront_spell(name, "hd", minor / 64, minor % 64);
        break;
    case 22:
        blkfront_spell(name, "hd", 2 + minor / 64, minor % 64);
        break;
    default:
        return -EINVAL;
    }
    if ((major == 3 || major == 22) && minor >= 128)
        return -EINVAL;
    name->major = (uint16_t)major;
    name->minor = (uint16_t)minor;
    return 0;
}
