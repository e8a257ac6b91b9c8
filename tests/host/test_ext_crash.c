/*
 * The end of the domain after any write: is everything there that was synced, and is the file
 * system consistent?
 *
 * A workload runs once, on a disk that keeps every write. Then, for every number of writes, the
 * disk as it was after so many is looked at twice: mounted by us, and repaired by e2fsck and then
 * mounted. A second kind of end loses, of the writes that no flush has followed, any that it likes:
 * loss of power.
 *
 * What must be there is told by tracks: for each file the states that it went through, and since
 * which write each of them is promised.
 */
#include "ext_files.h"
#include "ext_threads.h"

#include <fcntl.h>
#include <unistd.h>

#include "files/vfs.h"

#define TRACKS 128
#define PAGES 16
#define PAGE 1024

enum track_kind { TRACK_FILE, TRACK_APPEND, TRACK_PAGES };

/*
 * A file was so since write `from`, and whoever comes after write `safe` finds this state or a
 * later one.
 */
struct state {
    size_t from, safe; /* safe SIZE_MAX: nothing is promised */
    bool exists;
    size_t len;
    unsigned seed;
};

struct track {
    char path[64];
    enum track_kind kind;
    struct state *states;
    size_t n;
    /* TRACK_PAGES: versions of each page. */
    struct state *pages[PAGES];
    size_t n_pages[PAGES];
};

static struct track tracks[TRACKS];
static size_t n_tracks;
static struct image *disk;
static bool has_journal;
static size_t told; /* what returned before so many writes is promised */

/* ---- the workload's side ---- */

static void add_state(struct state **states, size_t *n, struct state state)
{
    *states = realloc(*states, (*n + 1) * sizeof(**states));
    CHECK(*states != NULL);
    (*states)[(*n)++] = state;
}

static struct track *track(const char *path, enum track_kind kind)
{
    struct track *new;

    for (size_t i = 0; i < n_tracks; i++)
        if (strcmp(tracks[i].path, path) == 0)
            return &tracks[i];
    CHECK(n_tracks < TRACKS);
    new = &tracks[n_tracks++];
    memset(new, 0, sizeof(*new));
    snprintf(new->path, sizeof(new->path), "%s", path);
    new->kind = kind;
    add_state(&new->states, &new->n, (struct state){ .from = 0, .safe = 0 });
    return new;
}

/* The file is about to become so. */
static void will_be(struct track *t, bool exists, size_t len, unsigned seed)
{
    add_state(
        &t->states, &t->n,
        (struct state){
            .from = disk->n_writes, .safe = SIZE_MAX, .exists = exists, .len = len, .seed = seed });
}

static void is_safe(struct track *t)
{
    if (t->states[t->n - 1].safe == SIZE_MAX)
        t->states[t->n - 1].safe = disk->n_writes;
    for (size_t i = 0; i < PAGES; i++)
        if (t->n_pages[i] > 0 && t->pages[i][t->n_pages[i] - 1].safe == SIZE_MAX)
            t->pages[i][t->n_pages[i] - 1].safe = disk->n_writes;
}

static void forget_tracks(void)
{
    for (size_t i = 0; i < n_tracks; i++) {
        free(tracks[i].states);
        for (size_t page = 0; page < PAGES; page++)
            free(tracks[i].pages[page]);
    }
    n_tracks = 0;
}

/* A whole file, synced if so wanted. */
static void make_file(const char *path, size_t len, unsigned seed, bool synced)
{
    struct track *t = track(path, TRACK_FILE);
    struct file *file;

    will_be(t, true, 0, seed);
    will_be(t, true, len, seed);
    file = files_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    CHECK_EQ(files_put(file, 0, len, seed), (ssize_t)len);
    if (synced) {
        CHECK_EQ(files_sync(file), 0);
        is_safe(t);
    }
    file_put(file);
}

/*
 * The way of editors: a new file, synced, over the old one. Whoever looks finds one of them whole.
 */
static void replace_file(const char *path, const char *via, size_t len, unsigned seed)
{
    struct track *t = track(path, TRACK_FILE);
    struct file *file = files_open(via, O_WRONLY | O_CREAT | O_TRUNC);

    CHECK_EQ(files_put(file, 0, len, seed), (ssize_t)len);
    CHECK_EQ(files_sync(file), 0);
    will_be(t, true, len, seed);
    CHECK_EQ(vfs_rename(NULL, via, NULL, path, 0), 0);
    if (seed % 2 == 0) {
        CHECK_EQ(files_sync(file), 0); /* now the name as well */
        is_safe(t);
    }
    file_put(file);
}

static void remove_file(const char *path)
{
    struct track *t = track(path, TRACK_FILE);

    will_be(t, false, 0, 0);
    CHECK_EQ(vfs_unlink(NULL, path), 0);
}

static void append_file(const char *path, size_t len, bool synced)
{
    struct track *t = track(path, TRACK_APPEND);
    struct file *file = files_open(path, O_WRONLY | O_CREAT);
    size_t was = t->states[t->n - 1].len;

    will_be(t, true, was + len, 77);
    CHECK_EQ(files_put(file, (off_t)was, len, 77), (ssize_t)len);
    if (synced) {
        CHECK_EQ(files_sync(file), 0);
        is_safe(t);
    }
    file_put(file);
}

/* The way of databases: pages of a file of fixed size, in place. */
static void write_page(const char *path, unsigned page, unsigned version, bool synced)
{
    struct track *t = track(path, TRACK_PAGES);
    struct file *file = files_open(path, O_RDWR | O_CREAT);

    if (t->n == 1) {
        will_be(t, true, PAGES * PAGE, 0);
        for (unsigned i = 0; i < PAGES; i++) {
            add_state(&t->pages[i], &t->n_pages[i],
                      (struct state){ .from = disk->n_writes, .safe = SIZE_MAX, .seed = 1000 + i });
            CHECK_EQ(files_put(file, (off_t)i * PAGE, PAGE, 1000 + i), PAGE);
        }
        CHECK_EQ(files_sync(file), 0);
        is_safe(t);
    }
    add_state(&t->pages[page], &t->n_pages[page],
              (struct state){ .from = disk->n_writes, .safe = SIZE_MAX, .seed = version });
    CHECK_EQ(files_put(file, (off_t)page * PAGE, PAGE, version), PAGE);
    if (synced) {
        CHECK_EQ(file->ops->sync(file, true), 0);
        is_safe(t);
    }
    file_put(file);
}

/* ---- what is found afterwards ---- */

static size_t promised(const struct state *states, size_t n)
{
    size_t low = 0;

    for (size_t i = 0; i < n; i++)
        if (states[i].safe <= told)
            low = i;
    return low;
}

/* The first len bytes of a file that has at least so many. */
static bool begins(const char *path, size_t len, unsigned seed)
{
    uint8_t *bytes = malloc(len + 1);
    struct iovec iov = { bytes, len };
    struct file *file = files_open(path, O_RDONLY);
    off_t at = 0;
    bool same = file_read(file, &iov, 1, &at) == (ssize_t)len;

    file_put(file);
    for (size_t i = 0; i < len && same; i++) {
        same = bytes[i] == files_byte((off_t)i, seed);
        if (!same)
            fprintf(stderr, "  %s: byte %zu of %zu is %u, not %u\n", path, i, len, bytes[i],
                    files_byte((off_t)i, seed));
    }
    free(bytes);
    return same;
}

static bool holds(const char *path, size_t len, unsigned seed)
{
    return (size_t)files_stat(path).st_size == len && begins(path, len, seed);
}

static bool file_is_right(const struct track *t, size_t writes)
{
    bool exists = files_exist(t->path);

    for (size_t i = promised(t->states, t->n); i < t->n && t->states[i].from <= writes; i++) {
        const struct state *state = &t->states[i];

        if (state->exists != exists)
            continue;
        if (!exists || holds(t->path, state->len, state->seed))
            return true;
        if (state->safe <= writes || promised(t->states, t->n) >= i || !t->states[i - 1].exists)
            continue;
        /* What was not synced yet may be there in part. */
        if (t->kind == TRACK_FILE && t->states[i - 1].len == 0 &&
            files_stat(t->path).st_size <= (off_t)state->len)
            return true;
        /* Of a cut not synced yet, without a journal, e2fsck finds blocks beyond, and counts them whole. */
        if (!has_journal && state->len < t->states[i - 1].len &&
            files_stat(t->path).st_size > (off_t)state->len &&
            begins(t->path, state->len, state->seed))
            return true;
    }
    return false;
}

static bool append_is_right(const struct track *t, size_t writes)
{
    size_t low = promised(t->states, t->n), most = 0, len;

    if (!files_exist(t->path))
        return !t->states[low].exists;
    len = (size_t)files_stat(t->path).st_size;
    for (size_t i = low; i < t->n && t->states[i].from <= writes; i++)
        most = t->states[i].len;
    /* Without a journal e2fsck finds the blocks that were mapped last, and counts them whole. */
    if (!has_journal && len > most && len - most < PAGE)
        len = most;
    if (len < t->states[low].len || len > most) {
        fprintf(stderr, "  %s: %zu bytes, not %zu to %zu\n", t->path, len, t->states[low].len,
                most);
        return false;
    }
    /* Without a journal the length may be there before what is not synced yet. */
    return begins(t->path, has_journal ? len : t->states[low].len, 77);
}

static bool pages_are_right(const struct track *t, size_t writes)
{
    struct file *file;

    if (!files_exist(t->path))
        return !t->states[promised(t->states, t->n)].exists;
    if (!t->states[promised(t->states, t->n)].exists)
        return true; /* its first sync has not returned */
    file = files_open(t->path, O_RDONLY);
    for (unsigned page = 0; page < PAGES; page++) {
        uint8_t bytes[PAGE];
        struct iovec iov = { bytes, PAGE };
        off_t at = (off_t)page * PAGE;
        bool found = false;

        CHECK_EQ(file_read(file, &iov, 1, &at), PAGE);
        for (size_t i = promised(t->pages[page], t->n_pages[page]);
             i < t->n_pages[page] && t->pages[page][i].from <= writes && !found; i++) {
            found = true;
            for (unsigned b = 0; b < PAGE && found; b++)
                found = bytes[b] == files_byte((off_t)page * PAGE + b, t->pages[page][i].seed);
        }
        if (!found) {
            file_put(file);
            return false;
        }
    }
    file_put(file);
    return true;
}

static void look(struct image *image, size_t writes, const char *how)
{
    files_mount(image, false);
    for (size_t i = 0; i < n_tracks; i++) {
        const struct track *t = &tracks[i];
        bool right = t->kind == TRACK_FILE     ? file_is_right(t, writes)
                     : t->kind == TRACK_APPEND ? append_is_right(t, writes)
                                               : pages_are_right(t, writes);

        if (!right)
            glue_test_fail(__FILE__, __LINE__, "%s is wrong after write %zu of %zu, %s", t->path,
                           writes, disk->n_writes, how);
    }
    files_unmount();
}

static void end_here(const struct image *at, size_t writes, const char *how)
{
    struct image *ours = image_copy(at), *theirs = image_copy(at);
    int status;

    look(ours, writes, how);
    if (has_journal) {
        status = image_check(ours);
        if (status != 0)
            glue_test_fail(__FILE__, __LINE__, "e2fsck: %d after write %zu, %s, recovered by us",
                           status, writes, how);
    } else {
        CHECK(image_repair(ours) <= 1); /* blocks that nobody uses come back */
        CHECK_EQ(image_check(ours), 0);
    }
    image_free(ours);

    status = image_repair(theirs);
    if (status > 1)
        glue_test_fail(__FILE__, __LINE__, "e2fsck -fy: %d after write %zu, %s", status, writes,
                       how);
    look(theirs, writes, how);
    image_free(theirs);
}

/* ---- all ends of a workload ---- */

static size_t step(void)
{
    const char *text = getenv("EXT_CRASH_STEP");

    return text != NULL ? (size_t)atoi(text) : 1;
}

/* How often each of them loses power, differently. */
static unsigned losses(void)
{
    const char *text = getenv("EXT_CRASH_LOSSES");

    return text != NULL ? (unsigned)atoi(text) : 1;
}

/* Of what no flush has followed, some is lost. */
static struct image *without_cache(const struct image *before, const struct image *recorded,
                                   size_t n, unsigned *random)
{
    unsigned now = n > 0 ? recorded->writes[n - 1].flushes : 0;
    struct image *image = image_copy(before);

    for (size_t i = 0; i < n; i++) {
        *random = *random * 1103515245 + 12345;
        if (recorded->writes[i].flushes == now && (*random >> 16 & 1))
            continue;
        memcpy(image->bytes + recorded->writes[i].at, recorded->writes[i].data,
               recorded->writes[i].len);
    }
    return image;
}

static void all_ends(const char *options, size_t kib, void (*prepare)(void), void (*workload)(void))
{
    struct image *before, *at;
    unsigned random = 1;

    if (!image_tools()) {
        printf("SKIP mke2fs, e2fsck and debugfs (e2fsprogs) are not installed\n");
        return;
    }
    has_journal = strstr(options, "ext2") == NULL;
    disk = image_make(options, kib);
    disk->unit = 1024;
    if (prepare != NULL) {
        files_mount(disk, false);
        prepare();
        files_unmount();
    }
    disk->n_writes = 0;
    disk->flushes = 0;
    before = image_copy(disk);
    disk->record = true;
    files_mount(disk, false);
    workload();
    files_unmount();
    CHECK_EQ(image_check(disk), 0);
    told = SIZE_MAX - 1;
    look(disk, SIZE_MAX - 1, "left clean");
    fprintf(stderr, "  %s: %zu writes, %u flushes\n", options, disk->n_writes, disk->flushes);

    at = image_copy(before);
    for (size_t n = 0; n <= disk->n_writes; n++) {
        if (n % step() == 0 || n == disk->n_writes) {
            told = n;
            end_here(at, n, "end of the domain");
            told = n > 0 ? n - 1 : 0; /* the flush that would have let it return has not been */
            for (unsigned i = 0; i < losses(); i++) {
                struct image *lossy = without_cache(before, disk, n, &random);

                end_here(lossy, n, "loss of power");
                image_free(lossy);
            }
        }
        if (n < disk->n_writes)
            memcpy(at->bytes + disk->writes[n].at, disk->writes[n].data, disk->writes[n].len);
    }
    image_free(at);
    image_free(before);
    image_free(disk);
    forget_tracks();
}

/* ---- workloads ---- */

static void names(void)
{
    char path[64];

    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "/mnt/d/f%u", i);
        make_file(path, 100 + 700 * i, i, i % 2 == 0);
    }
    for (unsigned i = 0; i < 4; i++)
        replace_file("/mnt/conf", "/mnt/conf.new", 300 + 900 * i, 50 + i);
    remove_file("/mnt/d/f0");
    append_file("/mnt/log", 500, true);
    remove_file("/mnt/d/f2");
    make_file("/mnt/d/f2", 4000, 99, true);
    CHECK_EQ(files_make_dir("/mnt/g"), 0);
    files_write("/mnt/g/within", "");
    CHECK_EQ(vfs_rename(NULL, "/mnt/g", NULL, "/mnt/d/g", 0), 0);
    CHECK_EQ(vfs_rename(NULL, "/mnt/d/g", NULL, "/mnt/h", 0), 0);
    append_file("/mnt/log", 3000, false);
    append_file("/mnt/log", 2000, true);
}

static void content(void)
{
    for (unsigned i = 0; i < 10; i++) {
        append_file("/mnt/log", 700 + 311 * i, i % 3 == 0);
        write_page("/mnt/db", i * 7 % PAGES, 2000 + i, i % 2 == 0);
        if (i % 4 == 3) {
            make_file("/mnt/journal", 2500, 300 + i, true);
            remove_file("/mnt/journal");
        }
    }
}

/*
 * Enough names for a tree of hashes, then a journal that goes round and blocks that are used again.
 */
static void many(void)
{
    char path[96];

    CHECK_EQ(files_make_dir("/mnt/many"), 0);
    for (unsigned i = 0; i < 90; i++) {
        snprintf(path, sizeof(path), "/mnt/many/a-rather-long-name-so-that-blocks-are-full-%u", i);
        if (i % 15 == 14)
            make_file(path, 600, i, true);
        else
            files_write(path, "");
    }
    for (unsigned i = 0; i < 90; i++) {
        snprintf(path, sizeof(path), "/mnt/many/a-rather-long-name-so-that-blocks-are-full-%u", i);
        if (i % 15 != 14)
            CHECK_EQ(vfs_unlink(NULL, path), 0);
        if (i % 20 == 19)
            append_file("/mnt/log", 5000, true);
    }
}

/* Files that are cut, grown, and used without a name. */
static void cuts(void)
{
    struct file *file = files_open("/mnt/nameless", O_RDWR | O_CREAT);

    CHECK_EQ(files_put(file, 0, 60000, 5), 60000);
    CHECK_EQ(files_sync(file), 0);
    CHECK_EQ(vfs_unlink(NULL, "/mnt/nameless"), 0);
    append_file("/mnt/log", 100, true);
    files_expect(file, 0, 60000, 5);
    for (unsigned i = 0; i < 3; i++) {
        struct track *t = track("/mnt/cut", TRACK_FILE);
        struct file *cut;

        make_file("/mnt/cut", 40000, 60 + i, true);
        cut = files_open("/mnt/cut", O_RDWR);
        will_be(t, true, 30500, 60 + i);
        CHECK_EQ(cut->ops->truncate(cut, 30500), 0);
        CHECK_EQ(files_sync(cut), 0);
        is_safe(t);
        file_put(cut);
        append_file("/mnt/log", 9000, true);
    }
    file_put(file);
    append_file("/mnt/log", 100, true);
}

/*
 * A disk so full that blocks of directories are soon used for content: what the journal still has
 * of them must not come back.
 */
static void fill(void)
{
    struct file *file = files_open("/mnt/fill", O_RDWR | O_CREAT);
    off_t at = 0;

    while (files_put(file, at, 16384, 1) == 16384)
        at += 16384;
    CHECK_EQ(file->ops->truncate(file, at - 65536), 0);
    file_put(file);
}

static void reuse(void)
{
    char path[96];

    for (unsigned turn = 0; turn < 3; turn++) {
        CHECK_EQ(files_make_dir("/mnt/d"), 0);
        for (unsigned i = 0; i < 60; i++) {
            snprintf(path, sizeof(path), "/mnt/d/a-rather-long-name-so-that-blocks-are-full-%u", i);
            files_write(path, "");
        }
        append_file("/mnt/log", 10, true);
        for (unsigned i = 0; i < 60; i++) {
            snprintf(path, sizeof(path), "/mnt/d/a-rather-long-name-so-that-blocks-are-full-%u", i);
            CHECK_EQ(vfs_unlink(NULL, path), 0);
        }
        CHECK_EQ(vfs_rmdir(NULL, "/mnt/d"), 0);
        append_file("/mnt/log", 10, true);
        make_file("/mnt/reuse", 24000, 7 + turn, true);
        remove_file("/mnt/reuse");
        append_file("/mnt/log", 10, true);
    }
}

/* The ways of all of those at once: what one changes while the other syncs is the next commit's. */
static unsigned crowd_seed;

static void crowd_member(unsigned i)
{
    char path[64], other[64];

    for (unsigned turn = 0; turn < 7; turn++) {
        snprintf(path, sizeof(path), "/mnt/log-%u", i);
        append_file(path, 300 + 500 * ((i + turn) % 4), (i + turn) % 3 != 0);
        snprintf(path, sizeof(path), "/mnt/db-%u", i % 2);
        if (i < 2)
            write_page(path, turn * 5 % PAGES, 3000 + 10 * turn + i, true);
        snprintf(path, sizeof(path), "/mnt/d/f-%u-%u", i, turn % 2);
        if (turn % 3 == 2)
            remove_file(path);
        else
            make_file(path, 900 * (turn + 1), 100 * i + turn, turn % 2 == 0);
        snprintf(path, sizeof(path), "/mnt/conf-%u", i);
        snprintf(other, sizeof(other), "/mnt/d/new-%u", i);
        if (turn % 3 == 1)
            replace_file(path, other, 600 * (turn + 1), 20 * i + turn);
        if (i == 3 && turn % 2 == 1)
            CHECK_EQ(ext_commit_now(files_fs()), 0);
    }
}

static void crowd(void)
{
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    threads_run(disk, 4, crowd_member, crowd_seed);
}

static const char *const kinds[] = {
    "-t ext4 -b 1024 -J size=1",
    "-t ext3 -b 1024 -J size=1",
    "-t ext2 -b 1024",
};

static void every_kind(void (*prepare)(void), void (*workload)(void))
{
    const char *only = getenv("EXT_CRASH_ONLY"); /* "ext2" */

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (only == NULL || strstr(kinds[i], only) != NULL)
            all_ends(kinds[i], 4096, prepare, workload);
}

TEST(files_that_come_go_and_are_replaced)
{
    every_kind(NULL, names);
}

TEST(logs_and_databases)
{
    every_kind(NULL, content);
}

TEST(large_directories)
{
    every_kind(NULL, many);
}

TEST(blocks_of_directories_become_content)
{
    every_kind(fill, reuse);
}

TEST(files_cut_and_without_names)
{
    every_kind(NULL, cuts);
}

TEST(threads_that_sync_at_once)
{
    const char *text = getenv("EXT_CRASH_SEED");

    crowd_seed = text != NULL ? (unsigned)atoi(text) : 1;
    every_kind(NULL, crowd);
}
