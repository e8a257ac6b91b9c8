/*
 * An ext file system made by an enemy: images of mke2fs with files in them, of which the input changes
 * some bytes, mostly where structure is; then it is mounted, walked, read, written and unmounted.
 * Whatever stands there, every call ends with an answer or an errno, in bounded time, and nothing is
 * read or written outside of memory or of the disk.
 *
 * Images without checksums show more of what lies behind them; one has them, with the few changes
 * that get past. One was left in the middle of its work, so that its journal is recovered.
 */
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../host/ext_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define PLACES 4096
#define WALK_ENTRIES 400 /* in one run, so that a directory of nonsense ends */
#define BLOCK 1024u

struct seed {
    struct image *image;   /* as it is before each run */
    struct image *changed; /* of this run; the same again when it is over */
    uint32_t places[PLACES]; /* blocks with something in them */
    unsigned n_places;
};

static struct seed seeds[4];
static unsigned walked;

static uint8_t scratch[16384];

/* ---- the images ---- */

static void fill_names(const char *dir, unsigned n)
{
    char path[128];

    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/a name that is long enough to fill blocks %u", dir, i);
        files_write(path, "x");
    }
}

/* One of each kind of what an inode and a directory can be. */
static void fill(void)
{
    struct file *file;
    char target[200];

    files_write("/mnt/small", "some text");
    CHECK_EQ(files_make_dir("/mnt/dir"), 0);
    CHECK_EQ(files_make_dir("/mnt/dir/below"), 0);
    files_write("/mnt/dir/below/file", "more text");
    CHECK_EQ(files_make_dir("/mnt/many"), 0);
    fill_names("/mnt/many", 120); /* a tree of hashes, where there is one */
    CHECK_EQ(files_symlink("small", "/mnt/short"), 0);
    memset(target, 'y', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    CHECK_EQ(files_symlink(target, "/mnt/long"), 0);
    file = files_open("/mnt/holes", O_RDWR | O_CREAT); /* more pieces than an inode holds */
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(files_put(file, (off_t)i * 3 * BLOCK, 10, i), 10);
    CHECK_EQ(files_put(file, 40000 * (off_t)BLOCK, 10, 1), 10);
    file_put(file);
}

/* All blocks that are not zeroes, each as often as any other: most are metadata. */
static void find_places(struct seed *seed)
{
    for (size_t at = 0; at < seed->image->size && seed->n_places < PLACES; at += BLOCK) {
        bool used = false;

        for (unsigned i = 0; i < BLOCK && !used; i++)
            used = seed->image->bytes[at + i] != 0;
        if (used)
            seed->places[seed->n_places++] = (uint32_t)(at / BLOCK);
    }
}

static void make_seed(struct seed *seed, const char *options, size_t kib, bool left)
{
    seed->image = image_make(options, kib);
    files_mount(seed->image, false);
    fill();
    if (left) {
        CHECK_EQ(ext_commit_now(files_fs()), 0);
        fill_names("/mnt/dir", 20);
        CHECK_EQ(ext_commit_now(files_fs()), 0);
        files_destroy(seed->image);
    } else {
        files_unmount();
    }
    find_places(seed);
    seed->changed = image_copy(seed->image);
}

/* Only what was written is copied: an image is much larger than what a run changes. */
static void restore(struct seed *seed)
{
    for (size_t i = 0; i < seed->changed->n_writes; i++) {
        const struct image_write *write = &seed->changed->writes[i];

        memcpy(seed->changed->bytes + write->at, seed->image->bytes + write->at, write->len);
    }
    seed->changed->n_writes = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    files_cache = 256u << 10;
    if (!image_tools()) {
        printf("SKIP mke2fs, e2fsck and debugfs are not installed\n");
        fflush(stdout);
        _exit(0);
    }
    make_seed(&seeds[0], "-t ext4 -b 1024 -O ^metadata_csum,^uninit_bg,^resize_inode -N 256", 3072,
              false);
    make_seed(&seeds[1], "-t ext4 -b 1024 -O ^metadata_csum,^uninit_bg,^resize_inode -N 256", 3072,
              true);
    make_seed(&seeds[2], "-t ext2 -b 1024 -O ^resize_inode -N 256", 1536, false);
    make_seed(&seeds[3], "-t ext4 -b 1024 -O metadata_csum,^resize_inode -N 256", 3072, true);
    return 0;
}

/* ---- the input ---- */

struct input {
    const uint8_t *at, *end;
};

static uint8_t take(struct input *input)
{
    return input->at != input->end ? *input->at++ : 0;
}

static uint32_t take2(struct input *input)
{
    uint32_t low = take(input);

    return low | (uint32_t)take(input) << 8;
}

static uint32_t take4(struct input *input)
{
    uint32_t low = take2(input);

    return low | take2(input) << 16;
}

/* One field of a block becomes another value: what limits are made of, or any. */
static void change(struct seed *seed, struct input *input)
{
    static const uint32_t values[] = { 0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff };
    uint8_t how = take(input);
    uint32_t which = take2(input), field = take2(input), value;
    size_t at = (size_t)seed->places[which % seed->n_places] * BLOCK + (field % (BLOCK / 4)) * 4;
    uint8_t *field_at;
    uint32_t old;

    if (how & 0x80) /* the superblock and the groups are what everything hangs on */
        at = BLOCK + (field % 768) * 4;
    field_at = seed->changed->bytes + at;
    memcpy(&old, field_at, 4);
    switch (how & 7) {
    case 0:
    case 1:
        value = values[take(input) % (sizeof(values) / sizeof(values[0]))];
        break;
    case 2:
        value = old + 1;
        break;
    case 3:
        value = old - 1;
        break;
    case 4:
        value = old ^ (1u << (take(input) % 32));
        break;
    case 5:
        value = take(input); /* a small number: a block or an inode that is there */
        break;
    case 6:
        value = seed->places[take2(input) % seed->n_places];
        break;
    default:
        value = take4(input);
    }
    if (how & 8) /* half of it */
        memcpy(field_at + (how & 16 ? 2 : 0), &value, 2);
    else
        memcpy(field_at, &value, 4);
    image_keep(seed->changed, at, NULL, 4); /* so that restore() finds it */
}

/* ---- what is done with it ---- */

static void look_at(const char *path, struct input *input);

static void read_some(const char *path)
{
    struct iovec iov = { scratch, sizeof(scratch) };
    struct file *file;

    if (vfs_open(NULL, path, O_RDONLY, 0, &file) < 0)
        return;
    for (unsigned i = 0; i < 24; i++) {
        off_t at = (off_t)i * i * 2048;

        if (file_read(file, &iov, 1, &at) <= 0)
            break;
    }
    file_put(file);
}

static void walk(const char *path, struct input *input)
{
    struct file_entry entry;
    struct file *file;
    char below[512];

    if (vfs_open(NULL, path, O_RDONLY | O_DIRECTORY, 0, &file) < 0)
        return;
    while (walked++ < WALK_ENTRIES && file->ops->next_entry(file, &entry) > 0) {
        CHECK(strlen(entry.name) <= VFS_NAME_MAX);
        if (strcmp(entry.name, ".") == 0 || strcmp(entry.name, "..") == 0 ||
            strlen(path) + strlen(entry.name) + 2 > sizeof(below))
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, entry.name);
        look_at(below, input);
    }
    file_put(file);
}

static void look_at(const char *path, struct input *input)
{
    struct inode *inode;
    struct stat info;

    if (vfs_lookup(NULL, path, VFS_NOFOLLOW, &inode) < 0)
        return;
    inode_stat(inode, &info);
    if (S_ISLNK(info.st_mode))
        vfs_readlink(NULL, path, (char *)scratch, sizeof(scratch));
    inode_put(inode);
    if (S_ISREG(info.st_mode))
        read_some(path);
    if (S_ISDIR(info.st_mode))
        walk(path, input);
}

static const char *const names[] = {
    "/mnt/small", "/mnt/holes", "/mnt/long", "/mnt/dir", "/mnt/dir/below/file", "/mnt/new",
    "/mnt/many/new", "/mnt/dir/new", "/mnt/many/a name that is long enough to fill blocks 7",
    "/mnt/many", "/mnt/dir/below", "/mnt/lost+found",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static void write_some(const char *path, struct input *input)
{
    size_t len = take2(input) % sizeof(scratch);
    struct iovec iov = { scratch, len };
    off_t at = take(input) * (off_t)3333;
    struct file *file;

    if (vfs_open(NULL, path, O_RDWR | O_CREAT, 0644, &file) < 0)
        return;
    file_write(file, &iov, 1, &at);
    if (take(input) & 1)
        files_sync(file);
    file_put(file);
}

static void cut(const char *path, off_t size)
{
    struct inode *inode;

    if (vfs_lookup(NULL, path, 0, &inode) < 0)
        return;
    if (S_ISREG(inode->kind))
        vfs_truncate_inode(inode, size);
    inode_put(inode);
}

static void names_in(const char *dir, unsigned n)
{
    char path[128];
    struct file *file;

    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/another name that is long enough to fill %u", dir, i);
        if (vfs_open(NULL, path, O_RDWR | O_CREAT, 0644, &file) == 0)
            file_put(file);
    }
}

static void act(struct input *input)
{
    uint8_t what = take(input);
    const char *one = names[take(input) % NAMES], *other = names[take(input) % NAMES];

    switch (what % 11) {
    case 0:
        write_some(one, input);
        break;
    case 1:
        vfs_unlink(NULL, one);
        break;
    case 2:
        vfs_rename(NULL, one, NULL, other, 0);
        break;
    case 3:
        vfs_link(NULL, one, NULL, other, 0);
        break;
    case 4:
        cut(one, (off_t)take2(input) * 100);
        break;
    case 5:
        files_make_dir(one);
        break;
    case 6:
        vfs_rmdir(NULL, one);
        break;
    case 7:
        ext_commit_now(files_fs());
        break;
    case 8:
        names_in(one, take(input) % 64);
        break;
    case 9:
        look_at(one, input);
        break;
    default:
        vfs_sync();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, data + size };
    uint8_t first = take(&input);
    struct seed *seed = &seeds[first % 4];
    unsigned changes = take(&input) % 16;
    struct statvfs space;

    walked = 0;
    while (changes-- > 0)
        change(seed, &input);
    if (files_try_mount(seed->changed, (first & 0x70) == 0) == 0) {
        files_fs()->ops->statvfs(files_fs(), &space);
        for (unsigned acts = take(&input) % 24; acts > 0 && input.at != input.end; acts--)
            act(&input);
        look_at("/mnt", &input);
        vfs_unmount("/mnt"); /* it is gone, whatever could not be written */
    }
    restore(seed);
    return 0;
}
