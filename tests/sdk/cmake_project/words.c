#include "words.h"

#include <stdio.h>

void words_say(const char *text)
{
    printf("%s: %s\n", ORDINARY_VERSION, text);
}
