package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/report/ci"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report DIR...",
		Short: "Show a stored result again, draw it, or pack it",
		Long: "Show stored results again. DIR is a result's folder, such as\n" +
			"results/container-latency/latest.\n\n" +
			"With --format, draw them as something else: a table for a paper (latex:\n" +
			"booktabs, siunitx, with a caption), every figure in rows (csv), the report\n" +
			"page anew (html), expectations and modes for a build server (junit). All\n" +
			"print the same numbers.\n\n" +
			"With --order OTHER, the order of modes in this result and in another stands\n" +
			"beside it, as terminal, markdown or html: where one is counted and one timed,\n" +
			"their rank correlation, and the modes in which they disagree.\n\n" +
			"With --bundle, pack the result and all that lies beside it (lab, lock, plan,\n" +
			"raw blocks, consoles, report) into one file, from which testbed reproduce\n" +
			"measures it again. Host and user names, the home folder, MAC addresses of\n" +
			"hardware and keys are taken out of it. With --with-images the kernels and\n" +
			"roots that were booted are in it too, with the names and versions of the\n" +
			"source packages they came from: packages vanish from mirrors.",
		Example: "  testbed report --format latex results/lab/latest > table.tex\n" +
			"  testbed report --format csv results/lab/* > figures.csv\n" +
			"  testbed report results/lab/latest --bundle lab.tar.zst",
		Args: args(cobra.MinimumNArgs(1)),
	}
	asJSON := cmd.Flags().Bool("json", false, "the same as --format json")
	format := cmd.Flags().String("format", "terminal", "draw as `FORMAT`: terminal, json, markdown, html, csv,\nlatex or junit")
	order := cmd.Flags().StringArray("order", nil, "beside it, the order of modes in the result of\n`OTHER`: by time and by instructions")
	out := cmd.Flags().String("out", "", "with --format latex: write tables and figures (PDF and\nPGF) into `DIR`")
	pack := cmd.Flags().String("bundle", "", "pack the result into `FILE` (.tar.zst)")
	withImages := cmd.Flags().Bool("with-images", false, "pack kernel and root of each image too")
	list := cmd.Flags().Bool("redact", false, "list what was taken out of the bundle")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		for _, name := range []string{"redact", "with-images"} {
			if cmd.Flags().Changed(name) && *pack == "" {
				return usageError{fmt.Errorf("--%s is about a bundle", name), "name its file: --bundle out.tar.zst"}
			}
		}
		if *asJSON {
			*format = "json"
		}
		if len(*order) > 0 {
			return a.drawOrdered(given, *order, *format, *out+*pack)
		}
		if *out != "" {
			return a.paper(given, *format, *out)
		}
		if *pack == "" {
			return a.draw(given, *format)
		}
		if len(given) > 1 {
			return usageError{errors.New("a bundle holds one result"), "name one folder"}
		}
		return a.bundle(cmd.Context(), given[0], *pack, *withImages, *list)
	}
	return cmd
}

// paper writes tables and figures into a folder, and their names to standard output.
func (a *app) paper(dirs []string, format, out string) error {
	if format != "latex" {
		return usageError{errors.New("--out is for files that belong together"), "use it with --format latex; the other formats go to standard output"}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return usageError{err, "name a folder that may be written"}
	}
	taken := map[string]string{}
	for _, dir := range dirs {
		result, blocks, err := storedResult(dir)
		if err != nil {
			return err
		}
		for _, name := range report.PaperNames(result) {
			if before := taken[name]; before != "" {
				return usageError{fmt.Errorf("%s and %s would both write %s.tex", before, dir, name), "draw each into a folder of its own"}
			}
			taken[name] = dir
		}
		names, err := report.Paper(out, result, blocks)
		if err != nil {
			return err
		}
		for _, name := range names {
			fmt.Fprintln(a.stdout, filepath.Join(out, name))
		}
	}
	return nil
}

// storedResult reads a result's folder that the command line names.
func storedResult(dir string) (testbed.Result, []testbed.Block, error) {
	result, blocks, err := report.Read(dir)
	return result, blocks, noResult(err)
}

// storedSummary is storedResult without the blocks.
func storedSummary(dir string) (testbed.Result, error) {
	result, err := report.ReadResult(dir)
	return result, noResult(err)
}

func noResult(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err, "give a folder that holds a result.json"}
}

// drawing is a stored result.
type drawing struct {
	dir    string
	result testbed.Result
	blocks []testbed.Block
}

// drawOrdered draws one result with the order of modes in others beside it.
func (a *app) drawOrdered(dirs, others []string, format, elsewhere string) error {
	if len(dirs) > 1 || elsewhere != "" || !slices.Contains([]string{"terminal", "markdown", "html"}, format) {
		return usageError{errors.New("--order stands beside one result, as terminal, markdown or html"),
			"testbed compare --order --format json prints the order as data"}
	}
	base, err := sideAt(dirs[0], nil, storedResult)
	if err != nil {
		return err
	}
	var sides []report.CompareSide
	for _, dir := range others {
		side, err := sideAt(dir, nil, withoutBlocks)
		if err != nil {
			return err
		}
		sides = append(sides, side)
	}
	orders, err := ordersOf(base, sides)
	if err != nil {
		return err
	}
	switch format {
	case "html":
		return report.HTML(a.stdout, base.Result, base.Blocks, orders...)
	case "markdown":
		return report.Markdown(a.stdout, base.Result, orders...)
	}
	return report.Terminal(a.stdout, base.Result, report.TerminalOptions{Width: a.width(), Color: a.color(), Orders: orders})
}

// draw prints stored results in a format.
func (a *app) draw(dirs []string, format string) error {
	draw, known := map[string]func([]drawing) error{
		"terminal": a.drawTerminal,
		"json":     a.each(func(d drawing) error { return a.printJSON(d.result) }),
		"markdown": a.each(func(d drawing) error { return report.Markdown(a.stdout, d.result) }),
		"html":     a.one(func(d drawing) error { return report.HTML(a.stdout, d.result, d.blocks) }),
		"csv":      func(all []drawing) error { return report.CSV(a.stdout, resultsOf(all)...) },
		"latex":    func(all []drawing) error { return report.LaTeX(a.stdout, resultsOf(all)...) },
		"junit": func(all []drawing) error {
			var suites []ci.Suite
			for _, d := range all {
				suites = append(suites, report.ResultSuites(d.result)...)
			}
			return ci.JUnit(a.stdout, suites)
		},
	}[format]
	if !known {
		return usageError{fmt.Errorf("no format %q", format), "--format takes one of: terminal, json, markdown, html, csv, latex, junit"}
	}
	var all []drawing
	for _, dir := range dirs {
		result, blocks, err := storedResult(dir)
		if err != nil {
			return err
		}
		all = append(all, drawing{dir, result, blocks})
	}
	return draw(all)
}

func (a *app) drawTerminal(all []drawing) error {
	for i, d := range all {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := a.show(d.result, d.dir, false); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) each(draw func(drawing) error) func([]drawing) error {
	return func(all []drawing) error {
		for _, d := range all {
			if err := draw(d); err != nil {
				return err
			}
		}
		return nil
	}
}

// one is for a format that is a document.
func (a *app) one(draw func(drawing) error) func([]drawing) error {
	return func(all []drawing) error {
		if len(all) > 1 {
			return usageError{errors.New("a page holds one result"), "name one folder"}
		}
		return draw(all[0])
	}
}

func resultsOf(all []drawing) (results []testbed.Result) {
	for _, d := range all {
		results = append(results, d.result)
	}
	return results
}

// bundle packs a result; the file appears whole or not at all.
func (a *app) bundle(ctx context.Context, dir, path string, withImages, list bool) error {
	if _, err := os.Stat(filepath.Join(dir, report.ResultFile)); err != nil {
		return usageError{err, "give a folder that holds a result.json"}
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return usageError{err, "name a file in a folder that may be written"}
	}
	defer func() { _ = file.Cleanup() }()
	self, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	options := report.BundleOptions{Testbed: toolVersion(), Self: self}
	if withImages {
		if options.Images, err = a.keptImages(ctx, dir); err != nil {
			return err
		}
	}
	removed, err := report.Bundle(file, dir, options)
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	if list {
		for _, line := range removed {
			fmt.Fprintln(a.stdout, line)
		}
	}
	fmt.Fprintf(a.stderr, "bundle: %s; again, anywhere: testbed reproduce %s\n", path, filepath.Base(path))
	return nil
}

// show prints a result: the table for a person, or JSON, to standard output,
// and to standard error where the rest lies.
func (a *app) show(r testbed.Result, dir string, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	if err := report.Terminal(a.stdout, r, report.TerminalOptions{Width: a.width(), Color: a.color()}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stderr, "report: %s\n", filepath.Join(dir, "report.html"))
	return err
}

// maxWidth keeps tables readable on a terminal that fills a wall.
const maxWidth = 120

// width is how many columns a table may take.
func (a *app) width() int {
	if file := asFile(a.stdout); file != nil {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
			return min(w, maxWidth)
		}
	}
	return 80
}

// color says whether standard output is a terminal that wants it (no-color.org).
func (a *app) color() bool { return isTerminal(a.stdout) && os.Getenv("NO_COLOR") == "" }

func isTerminal(stream any) bool {
	file := asFile(stream)
	return file != nil && term.IsTerminal(int(file.Fd()))
}
