/*
 * What a crash looks like: a null pointer three calls deep. The console shows the exception, the registers
 * and the backtrace; `xenolith run` adds the names and exits with 126.
 */
#include <stddef.h>
#include <stdio.h>

struct node {
    int value;
    struct node *next;
};

static __attribute__((noinline)) int last(const struct node *node)
{
    while (node->value != 0) /* forgets that a list may end */
        node = node->next;
    return node->value;
}

static __attribute__((noinline)) int search(const struct node *list)
{
    printf("searching\n");
    return last(list) + 1;
}

int main(void)
{
    struct node second = { 2, NULL }, first = { 1, &second };

    return search(&first);
}
