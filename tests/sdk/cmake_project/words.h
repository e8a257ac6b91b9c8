/* What the program has to say. */
void words_say(const char *text);
