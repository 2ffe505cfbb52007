/*
 * A TCG plugin that counts the instructions that a guest executes, by block of
 * translated code, within windows. A window opens when the guest calls one
 * function and closes when it calls another; their addresses are arguments. For
 * each window it writes
 *
 *     window
 *     ADDRESS INSTRUCTIONS        for each block that was executed in it
 *
 * to a file that exists already: QEMU may write to it, but not make it. It reads
 * and changes nothing of the guest's, so what the guest counts itself is the same
 * with and without it.
 *
 * QEMU's header is not packaged, so what is used of it is declared here
 * (include/qemu/qemu-plugin.h, version 4, which QEMU 10 has; later ones accept it).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
typedef struct qemu_info qemu_info;
enum flags { NO_REGISTERS };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*call)(unsigned int, void *), enum flags flags, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 4;

/* A block of code: a place and a length, however often it was translated. */
struct block {
    uint64_t address, instructions;
    uint64_t runs;   /* Since the guest was started. */
    uint64_t before; /* The window. */
    struct block *next;
};

#define BUCKETS (1u << 18)
static struct block *buckets[BUCKETS];
static uint64_t opens, closes;
static bool open_now;
static FILE *out;

static struct block *find(uint64_t address, uint64_t instructions)
{
    size_t at = (address * 0x9e3779b97f4a7c15u + instructions) >> 46;
    struct block *b;
    for (b = buckets[at]; b; b = b->next) {
        if (b->address == address && b->instructions == instructions) {
            return b;
        }
    }
    b = calloc(1, sizeof *b);
    if (!b) {
        abort(); /* A count that is short would be worse than none. */
    }
    b->address = address;
    b->instructions = instructions;
    b->next = buckets[at];
    buckets[at] = b;
    return b;
}

static void count(unsigned int cpu, void *data)
{
    (void)cpu;
    ((struct block *)data)->runs++;
}

static void window_opens(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct block *b = buckets[i]; b; b = b->next) {
            b->before = b->runs;
        }
    }
    open_now = true;
}

static void window_closes(unsigned int cpu, void *data)
{
    (void)cpu, (void)data;
    if (!open_now) {
        return;
    }
    open_now = false;
    fputs("window\n", out);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct block *b = buckets[i]; b; b = b->next) {
            if (b->runs != b->before) {
                fprintf(out, "%" PRIx64 " %" PRIu64 "\n", b->address, (b->runs - b->before) * b->instructions);
            }
        }
    }
    fflush(out);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, count, NO_REGISTERS, find(address, qemu_plugin_tb_n_insns(tb)));
    if (address == opens) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, window_opens, NO_REGISTERS, NULL);
    }
    if (address == closes) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, window_closes, NO_REGISTERS, NULL);
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) {
            continue;
        }
        *value++ = 0;
        if (!strcmp(argv[i], "out")) {
            out = fopen(value, "r+");
        } else if (!strcmp(argv[i], "opens")) {
            opens = strtoull(value, NULL, 0);
        } else if (!strcmp(argv[i], "closes")) {
            closes = strtoull(value, NULL, 0);
        }
    }
    if (!out || !opens || !closes) {
        fputs("testbed: count blocks: needs out=FILE (which exists), opens=ADDRESS and closes=ADDRESS\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
