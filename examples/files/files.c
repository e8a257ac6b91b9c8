/*
 * Files in memory: `/` is a RAM file system, filled from the initrd if there is one. Prints the tree, then
 * writes a file, reads it back, and says how much it was.
 *
 *     xenolith run examples/files --initrd DIR
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void list(const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (dir == NULL) {
        perror(folder);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        char path[1024];
        struct stat status;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, entry->d_name);
        if (lstat(path, &status) != 0)
            continue;
        printf("%*s%s%s\n", depth * 2, "", entry->d_name, S_ISDIR(status.st_mode) ? "/" : "");
        if (S_ISDIR(status.st_mode))
            list(path, depth + 1);
    }
    closedir(dir);
}

int main(void)
{
    char line[64];
    long bytes = 0;
    FILE *file;

    list("/", 0);
    file = fopen("/tmp/numbers", "w+");
    if (file == NULL) {
        perror("/tmp/numbers");
        return 1;
    }
    for (int i = 0; i < 1000; i++)
        fprintf(file, "%d\n", i);
    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL)
        bytes += (long)strlen(line);
    fclose(file);
    printf("/tmp/numbers has %ld bytes\n", bytes);
    return bytes != 3890;
}
