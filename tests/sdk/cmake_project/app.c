/* app [say TEXT | status N] */
#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "say") == 0)
        words_say(argv[2]);
    if (argc == 3 && strcmp(argv[1], "status") == 0)
        return atoi(argv[2]);
    return sqrt(argc * argc) != argc;
}
