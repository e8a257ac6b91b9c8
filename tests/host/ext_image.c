#include "ext_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char image_dir[64];

static void image_remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", image_dir);
    if (system(command) != 0)
        perror(image_dir);
}

const char *image_path(const char *name)
{
    static char path[4][192];
    static unsigned turn;
    const char *base = getenv("TMPDIR");

    if (image_dir[0] == '\0') {
        if (base == NULL || strlen(base) > 40)
            base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(image_dir, sizeof(image_dir), "%s/ext-XXXXXX", base);
        if (mkdtemp(image_dir) == NULL) {
            perror(image_dir);
            exit(1);
        }
        atexit(image_remove_dir);
    }
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", image_dir, name);
    return path[turn];
}

/*
 * Run a shell command with the directories of system programs in PATH; its output goes to a file.
 */
static int image_run(const char *command)
{
    char line[1024];
    int status;

    snprintf(line, sizeof(line), "PATH=\"$PATH:/usr/sbin:/sbin\"; export PATH; { %s; } >'%s' 2>&1",
             command, image_path("out"));
    status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *image_output(void)
{
    static char text[65536];
    FILE *file = fopen(image_path("out"), "r");
    size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[len] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

bool image_tools(void)
{
    return image_run("command -v mke2fs && command -v e2fsck && command -v debugfs") == 0;
}

/* ---- the device ---- */

void image_keep(struct image *image, uint64_t at, const uint8_t *data, size_t len)
{
    struct image_write *write;

    if (image->n_writes == image->max_writes) {
        image->max_writes = image->max_writes != 0 ? 2 * image->max_writes : 1024;
        image->writes = realloc(image->writes, image->max_writes * sizeof(*image->writes));
        CHECK(image->writes != NULL);
    }
    write = &image->writes[image->n_writes++];
    *write = (struct image_write){ at, len, NULL, image->flushes };
    if (image->record) {
        write->data = malloc(len);
        CHECK(write->data != NULL);
        memcpy(write->data, data, len);
    }
}

static int image_write(struct image *image, uint64_t at, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t part = len < image->unit ? len : image->unit;

        if (image->n_writes >= image->fail_from)
            return -EIO;
        image_keep(image, at, data, part);
        memcpy(image->bytes + at, data, part);
        at += part;
        data += part;
        len -= part;
    }
    return 0;
}

static int image_transfer(struct image *image, const struct block_request *request)
{
    uint64_t at = request->sector * BLOCK_SECTOR, sum = 0;
    int status = 0;

    for (unsigned i = 0; i < request->n; i++) {
        CHECK_EQ(request->pieces[i].len % image->device.sector_size, 0);
        CHECK_EQ((uintptr_t)request->pieces[i].data % BLOCK_SECTOR, 0);
        sum += request->pieces[i].len;
    }
    CHECK_EQ(sum, request->sectors * BLOCK_SECTOR);
    CHECK_EQ(at % image->device.sector_size, 0);
    if (at + sum > image->size)
        return -EINVAL;
    if (request->op == BLOCK_WRITE && image->device.read_only)
        return -EROFS;
    image->reads += request->op == BLOCK_READ;
    for (unsigned i = 0; i < request->n && status == 0; i++) {
        if (request->op == BLOCK_READ)
            memcpy(request->pieces[i].data, image->bytes + at, request->pieces[i].len);
        else
            status = image_write(image, at, request->pieces[i].data, request->pieces[i].len);
        at += request->pieces[i].len;
    }
    return status;
}

static int image_do(struct image *image, struct block_request *request)
{
    switch (request->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        return image_transfer(image, request);
    case BLOCK_FLUSH:
        image->flushes++;
        return image->n_writes >= image->fail_from ? -EIO : 0;
    default:
        return -EOPNOTSUPP;
    }
}

static void image_submit(struct block_device *device, struct block_request *request)
{
    struct image *image = device->owner;

    if (image->defer_all || (image->defer && request->op == BLOCK_READ)) {
        request->next = image->deferred;
        image->deferred = request;
        return;
    }
    request->done(request, image_do(image, request));
}

bool image_complete_one(struct image *image, unsigned n)
{
    struct block_request **at = &image->deferred, *request;

    while (*at != NULL && n-- > 0)
        at = &(*at)->next;
    request = *at;
    if (request == NULL)
        return false;
    *at = request->next;
    request->done(request, image_do(image, request));
    return true;
}

void image_complete(struct image *image)
{
    while (image_complete_one(image, 0))
        continue;
}

static const struct block_ops image_ops = { .submit = image_submit };

static struct image *image_new(size_t size)
{
    struct image *image = calloc(1, sizeof(*image));

    CHECK(image != NULL);
    image->bytes = calloc(1, size);
    CHECK(image->bytes != NULL);
    image->size = size;
    image->fail_from = SIZE_MAX;
    image->unit = 4096;
    image->device = (struct block_device){
        .name = "xvda",
        .ops = &image_ops,
        .sectors = size / BLOCK_SECTOR,
        .sector_size = 512,
        .max_request = 128 * 1024,
        .depth = 32,
        .can_flush = true,
        .owner = image,
    };
    return image;
}

/* ---- making and keeping ---- */

struct image *image_load(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct image *image;
    struct stat info;

    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &info), 0);
    image = image_new((size_t)info.st_size);
    for (size_t at = 0; at < image->size;) {
        ssize_t n = read(fd, image->bytes + at, image->size - at);

        CHECK(n > 0);
        at += (size_t)n;
    }
    close(fd);
    return image;
}

struct image *image_make(const char *options, size_t kib)
{
    const char *path = image_path("made");
    char command[512];

    snprintf(command, sizeof(command), "rm -f '%s'; mke2fs -q -F %s '%s' %zu", path, options, path,
             kib);
    if (image_run(command) != 0)
        glue_test_fail(__FILE__, __LINE__, "%s: %s", command, image_output());
    return image_load(path);
}

struct image *image_copy(const struct image *image)
{
    struct image *copy = image_new(image->size);

    memcpy(copy->bytes, image->bytes, image->size);
    return copy;
}

void image_save(const struct image *image, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)image->size), 0);
    for (size_t at = 0; at < image->size;) {
        ssize_t n = pwrite(fd, image->bytes + at, image->size - at, (off_t)at);

        CHECK(n > 0);
        at += (size_t)n;
    }
    close(fd);
}

void image_free(struct image *image)
{
    for (size_t i = 0; i < image->n_writes; i++)
        free(image->writes[i].data);
    free(image->writes);
    free(image->bytes);
    free(image);
}

struct image *image_after(const struct image *before, const struct image *recorded, size_t n)
{
    struct image *image = image_copy(before);

    for (size_t i = 0; i < n; i++)
        memcpy(image->bytes + recorded->writes[i].at, recorded->writes[i].data,
               recorded->writes[i].len);
    return image;
}

/* ---- checking ---- */

int image_check(const struct image *image)
{
    const char *path = image_path("checked");
    char command[256];
    int status;

    image_save(image, path);
    snprintf(command, sizeof(command), "e2fsck -fn '%s'", path);
    status = image_run(command);
    if (status != 0)
        fprintf(stderr, "%s\n", image_output());
    return status;
}

int image_repair(struct image *image)
{
    const char *path = image_path("repaired");
    struct image *repaired;
    char command[256];
    int status;

    image_save(image, path);
    snprintf(command, sizeof(command), "e2fsck -fy '%s'", path);
    status = image_run(command);
    if (getenv("EXT_SHOW") != NULL && status != 0)
        fprintf(stderr, "%s\n", image_output());
    repaired = image_load(path);
    memcpy(image->bytes, repaired->bytes, image->size);
    image_free(repaired);
    return status;
}

const char *image_debugfs(const struct image *image, const char *command)
{
    const char *path = image_path("debugged");
    char line[512];

    image_save(image, path);
    snprintf(line, sizeof(line), "debugfs -R '%s' '%s' 2>/dev/null", command, path);
    CHECK_EQ(image_run(line), 0);
    return image_output();
}
