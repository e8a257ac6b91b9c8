/*
 * mntent: lines of a table of mounts. The table of what is mounted, whose file no guest has, is written
 * to memory when it is asked for.
 */
#include <mntent.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfs.h"

static int mntent_write(void *arg, struct fs *fs, const char *path)
{
    fprintf(arg, "%s %s %s %s 0 0\n", fs->source, path, fs->ops->type, fs->read_only ? "ro" : "rw");
    return 0;
}

static FILE *mntent_mounted(void)
{
    FILE *table = tmpfile();

    if (table != NULL) {
        vfs_for_each_mount(mntent_write, table);
        rewind(table);
    }
    return table;
}

FILE *setmntent(const char *path, const char *mode)
{
    FILE *table = fopen(path, mode);

    if (table == NULL && errno == ENOENT &&
        (strcmp(path, MOUNTED) == 0 || strcmp(path, "/proc/mounts") == 0))
        return mntent_mounted();
    return table;
}

/* The next word of a line; \040 and its like stand for blanks. */
static char *mntent_word(char **at)
{
    char *word = *at + strspn(*at, " \t"), *end = word + strcspn(word, " \t\n"), *to = word;

    *at = *end != '\0' ? end + 1 : end;
    *end = '\0';
    for (const char *from = word; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return word;
}

struct mntent *getmntent(FILE *table)
{
    static struct mntent entry;
    static char line[1024];
    char *at;

    do {
        if (fgets(line, sizeof(line), table) == NULL)
            return NULL;
        at = line + strspn(line, " \t");
    } while (*at == '#' || *at == '\n' || *at == '\0');
    entry.mnt_fsname = mntent_word(&at);
    entry.mnt_dir = mntent_word(&at);
    entry.mnt_type = mntent_word(&at);
    entry.mnt_opts = mntent_word(&at);
    entry.mnt_freq = atoi(mntent_word(&at));
    entry.mnt_passno = atoi(mntent_word(&at));
    return &entry;
}

int endmntent(FILE *table)
{
    fclose(table);
    return 1;
}

char *hasmntopt(const struct mntent *entry, const char *option)
{
    size_t len = strlen(option);
    char *at = entry->mnt_opts;

    while ((at = strstr(at, option)) != NULL) {
        bool begins = at == entry->mnt_opts || at[-1] == ',';

        if (begins && (at[len] == '\0' || at[len] == ',' || at[len] == '='))
            return at;
        at += len;
    }
    return NULL;
}
