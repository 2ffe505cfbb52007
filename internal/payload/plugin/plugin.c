/*
 * A TCG plugin for guests whose clock is the number of instructions that they have
 * executed (-icount). It does two things, and the second only where it is told to.
 *
 * It holds the clock to the count. QEMU's main thread moves the clock of a guest that
 * sleeps on to its next timer, by the distance from the count that it knows; but a virtual
 * CPU that executes HLT is marked as asleep before what it executed is added to that
 * count. A main thread that comes around in between moves the clock too far. So HLT waits
 * until the main thread waits for events: it is woken after the count was added, and not
 * before.
 *
 * It counts instructions by block of translated code, within windows. A window
 * opens when the guest calls one function and closes when it calls another; their
 * addresses are arguments. For each window it writes
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
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info qemu_info;
enum flags { NO_REGISTERS };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*call)(unsigned int, void *), enum flags flags, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *bytes, size_t length);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*call)(unsigned int, void *), enum flags flags, void *data);

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

/* What the main thread does. /proc/PID/syscall says the number of the system call that
 * it is asleep in, if it is; who may not read that one may read /proc/PID/status, which
 * does not tell a thread that waits for events from one that waits for a lock. */
enum doing { POLLS, WAITS, RUNS };
static int calls = -1, status = -1;

static int open_about_main(const char *name)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)getpid(), name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_about_main(int file, char *text, size_t size)
{
    ssize_t n = pread(file, text, size - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

static enum doing main_thread(void)
{
    char text[256];
    if (read_about_main(calls, text, sizeof text)) {
        if (!strncmp(text, "running", 7)) {
            return RUNS;
        }
        return atoi(text) == SYS_ppoll ? POLLS : WAITS;
    }
    if (read_about_main(status, text, sizeof text)) {
        return strstr(text, "State:\tS") ? POLLS : RUNS;
    }
    return POLLS; /* It cannot be known: go on, as QEMU alone would. */
}

/* A main thread that waits has a lock to get in a moment, or waits for this virtual
 * CPU to stop, which it does not do while it is here. */
static void halts(unsigned int cpu, void *data)
{
    enum { patience = 500, pause_us = 20 };
    enum doing now;
    (void)cpu, (void)data;
    for (int waits = 0; waits < patience && (now = main_thread()) != POLLS;) {
        if (now == RUNS) {
            sched_yield();
        } else {
            waits++;
            usleep(pause_us);
        }
    }
}

/* HLT ends a block. */
static void watch_halt(const struct qemu_plugin_tb *tb)
{
    const unsigned char hlt = 0xf4;
    struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1);
    unsigned char first = 0;
    qemu_plugin_insn_data(last, &first, sizeof first);
    if (first == hlt) {
        qemu_plugin_register_vcpu_insn_exec_cb(last, halts, NO_REGISTERS, NULL);
    }
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    (void)id;
    watch_halt(tb);
    if (!out) {
        return;
    }
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
    if (argc && (!out || !opens || !closes)) {
        fputs("testbed: count blocks: needs out=FILE (which exists), opens=ADDRESS and closes=ADDRESS\n", stderr);
        return 1;
    }
    calls = open_about_main("syscall");
    status = open_about_main("status");
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
