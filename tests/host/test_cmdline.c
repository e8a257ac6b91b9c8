/* cmdline: words, quotes, settings, environment and arguments. */
#include "test.h"

#include <runtime/cmdline.h>

static const char *const known[] = { "ip", "mount", "loglevel", NULL };

static char text[2048];
static struct cmdline out;
static const char *why;

static int parse(const char *line)
{
    strcpy(text, line);
    why = "unset";
    return cmdline_parse(text, known, &out, &why);
}

/* One line with every argument in brackets, then settings, environment and unknown keys. */
static const char *parsed(const char *line)
{
    static char shown[4096];
    size_t at = 0;

    CHECK_EQ(parse(line), 0);
    CHECK(why == NULL);
    CHECK(out.argv[0] == NULL);
    CHECK(out.argv[out.argc] == NULL);
    CHECK(out.envp[out.envc] == NULL);
    for (size_t i = 1; i < out.argc; i++)
        at += (size_t)sprintf(shown + at, "[%s]", out.argv[i]);
    for (size_t i = 0; i < out.settings; i++)
        at += (size_t)sprintf(shown + at, "{%s|%s}", out.setting[i].key, out.setting[i].value);
    for (size_t i = 0; i < out.envc; i++)
        at += (size_t)sprintf(shown + at, "<%s>", out.envp[i]);
    for (size_t i = 0; i < out.unknowns; i++)
        at += (size_t)sprintf(shown + at, "?%s?", out.unknown[i]);
    shown[at] = '\0';
    return shown;
}

TEST(nothing_is_nothing)
{
    CHECK_STR(parsed(""), "");
    CHECK_STR(parsed("  \t\n "), "");
    CHECK_EQ(out.argc, 1);
}

TEST(words_without_equals_are_arguments)
{
    CHECK_STR(parsed("one two\tthree"), "[one][two][three]");
    CHECK_STR(parsed("  one   two  "), "[one][two]");
}

TEST(known_keys_are_settings)
{
    CHECK_STR(parsed("ip=dhcp loglevel=quiet"), "{ip|dhcp}{loglevel|quiet}");
    CHECK_STR(parsed("ip="), "{ip|}");
    CHECK_STR(parsed("ip=a=b"), "{ip|a=b}");
}

TEST(a_setting_may_be_repeated)
{
    CHECK_STR(parsed("mount=xvda:/ mount=xvdb:/data:ext2:ro"),
              "{mount|xvda:/}{mount|xvdb:/data:ext2:ro}");
}

TEST(unknown_keys_are_reported_and_are_no_arguments)
{
    CHECK_STR(parsed("root=/dev/xvda1 x"), "[x]?root?");
    CHECK_STR(parsed("IP=dhcp"), "?IP?");
    CHECK_STR(parsed("console.level=3 a-b=1"), "?console.level??a-b?");
}

/* Not everything with an equals sign is KEY=VALUE. */
TEST(words_that_do_not_begin_with_a_key_are_arguments)
{
    CHECK_STR(parsed("--size=3 /a=b =x 1=2 ip"), "[--size=3][/a=b][=x][1=2][ip]");
}

TEST(after_two_dashes_everything_is_an_argument)
{
    CHECK_STR(parsed("ip=dhcp -- ip=x env.A=b -- c"), "[ip=x][env.A=b][--][c]{ip|dhcp}");
    CHECK_STR(parsed("a -- b"), "[a][b]");
    CHECK_STR(parsed("--"), "");
    CHECK_STR(parsed("---"), "[---]");
}

TEST(env_words_become_the_environment)
{
    CHECK_STR(parsed("env.HOME=/ env.EMPTY= env.X=a=b"), "<HOME=/><EMPTY=><X=a=b>");
    CHECK_STR(parsed("env.=x"), "?env.?");
}

TEST(the_last_of_equal_names_counts)
{
    CHECK_STR(parsed("env.A=1 env.AB=2 env.A=3"), "<A=3><AB=2>");
}

TEST(quotes_keep_blanks_together)
{
    CHECK_STR(parsed("'a b' \"c  d\" e' 'f"), "[a b][c  d][e f]");
    CHECK_STR(parsed("env.MSG='hello  world' ip=\"a b\""), "{ip|a b}<MSG=hello  world>");
    CHECK_STR(parsed("'' \"\" x''"), "[][][x]");
    CHECK_STR(parsed("-- ''"), "[]");
}

TEST(single_quotes_take_everything_literally)
{
    CHECK_STR(parsed("'a\\b\"c' 'it'\\''s'"), "[a\\b\"c][it's]");
}

TEST(double_quotes_know_two_escapes)
{
    CHECK_STR(parsed("\"a\\\"b\" \"c\\\\d\" \"e\\nf\" \"g'h\""), "[a\"b][c\\d][e\\nf][g'h]");
}

TEST(outside_quotes_a_backslash_makes_the_next_literal)
{
    CHECK_STR(parsed("a\\ b \\'c\\\" \\\\"), "[a b]['c\"][\\]");
}

/* As in a shell: a quoted word is no assignment, and quoted dashes are not the separator. */
TEST(a_quoted_key_is_an_argument)
{
    CHECK_STR(parsed("'ip=dhcp' \"ip\"=x i\\p=y ip'=z'"), "[ip=dhcp][ip=x][ip=y][ip=z]");
    CHECK_STR(parsed("'--' ip=a"), "[--]{ip|a}");
}

TEST(an_open_quote_is_an_error)
{
    CHECK_EQ(parse("a 'b c"), -EINVAL);
    CHECK_STR(why, "a single quote is not closed");
    CHECK_EQ(parse("\"b"), -EINVAL);
    CHECK_STR(why, "a double quote is not closed");
    CHECK_EQ(parse("\"b\\\""), -EINVAL);
    CHECK_STR(why, "a double quote is not closed");
    CHECK_EQ(parse("a \\"), -EINVAL);
    CHECK_STR(why, "nothing follows the last backslash");
}

/* Boot goes on after an error: what came before it must be usable. */
TEST(what_stands_before_an_error_is_kept)
{
    CHECK_EQ(parse("loglevel=debug a 'b"), -EINVAL);
    CHECK_EQ(out.settings, 1);
    CHECK_STR(out.setting[0].value, "debug");
    CHECK_EQ(out.argc, 2);
    CHECK_STR(out.argv[1], "a");
    CHECK(out.argv[2] == NULL);
}

static void repeat(const char *word, size_t n)
{
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(text, word);
}

TEST(as_many_words_as_fit)
{
    repeat("a ", CMDLINE_WORDS_MAX - 1);
    CHECK_EQ(cmdline_parse(text, known, &out, &why), 0);
    CHECK_EQ(out.argc, CMDLINE_WORDS_MAX);
    CHECK_STR(out.argv[CMDLINE_WORDS_MAX - 1], "a");
    CHECK(out.argv[CMDLINE_WORDS_MAX] == NULL);
}

TEST(one_word_more_is_too_many)
{
    repeat("a ", CMDLINE_WORDS_MAX);
    CHECK_EQ(cmdline_parse(text, known, &out, &why), -E2BIG);
    CHECK_STR(why, "too many words");
    CHECK_EQ(out.argc, CMDLINE_WORDS_MAX);
    CHECK(out.argv[CMDLINE_WORDS_MAX] == NULL);
}
