package report

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func TestGoldenFormats(t *testing.T) {
	r, _ := judged(t)
	var b bytes.Buffer
	require.NoError(t, LaTeX(&b, r))
	golden(t, "report.tex", b.Bytes())
	b.Reset()
	require.NoError(t, CSV(&b, r))
	golden(t, "report.csv", b.Bytes())
}

// TestFormatsAgree: every number of the table on the terminal is in Markdown and LaTeX to
// the printed digit, and is what CSV's rounds to; CSV's is JSON's.
func TestFormatsAgree(t *testing.T) {
	r, _ := judged(t)
	var markdown, latex, figures bytes.Buffer
	require.NoError(t, Markdown(&markdown, r))
	require.NoError(t, LaTeX(&latex, r))
	require.NoError(t, CSV(&figures, r))
	rows, err := csv.NewReader(&figures).ReadAll()
	require.NoError(t, err)
	require.Equal(t, csvColumns, rows[0])
	byKey := map[string][]string{}
	for _, row := range rows[1:] {
		byKey[strings.Join([]string{row[2], row[4], row[6], row[7]}, "/")] = row
	}
	checked := 0
	for i, table := range tables(r) {
		test := r.Tests[i]
		for _, row := range table.Rows {
			if row.Status != testbed.StatusOK {
				require.Contains(t, latex.String(), latexText(row.Mode)+" & \\multicolumn")
				continue
			}
			for k, c := range table.Columns {
				text := row.Cells[k].Text
				require.Contains(t, markdown.String(), markdownText(text))
				figure, metric := "value", c.Name
				if c.Name == "ratio" {
					figure, metric = "ratio to host", "p50"
				}
				found, has := byKey[strings.Join([]string{test.Name, row.Mode, figure, metric}, "/")]
				if !has || found[9] == "" {
					continue
				}
				value, err := strconv.ParseFloat(found[9], 64)
				require.NoError(t, err)
				printed := ratioText(value)
				switch {
				case metric == "rate":
					printed = perSecond(value)
				case figure == "value":
					printed = latency(value, test.Unit)
				}
				require.Equal(t, strings.Trim(text, "*"), printed, "%s of %s", c.Name, row.Mode)
				require.Contains(t, latex.String(), strings.ReplaceAll(printed, ",", ""))
				checked++
			}
		}
	}
	require.Greater(t, checked, 50)
	for _, m := range r.Tests[0].Modes {
		if m.P50.Estimate != nil {
			require.Equal(t, strconv.FormatFloat(*m.P50.Estimate, 'g', -1, 64), byKey[r.Tests[0].Name+"/"+m.Name+"/value/p50"][9])
		}
	}
}

// TestPaper looks at the figure with somebody else's reader.
func TestPaper(t *testing.T) {
	r, blocks := judged(t)
	dir := t.TempDir()
	names, err := Paper(dir, r, blocks)
	require.NoError(t, err)
	require.Contains(t, names, "container-latency-tcp-rr.tex")
	pdf := filepath.Join(dir, "container-latency-tcp-rr-ecdf.pdf")
	text, err := exec.Command("pdftotext", "-layout", pdf, "-").CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, want := range []string{"docker0", "ipvlan_l3s", "µs", "within noise", "100%"} {
		require.Contains(t, string(text), want)
	}
	fonts, err := exec.Command("pdffonts", pdf).CombinedOutput()
	require.NoError(t, err, "%s", fonts)
	require.Regexp(t, `Liberation\S* +\S+.* yes `, string(fonts), "embedded, as publishers ask for")
	pgf, err := os.ReadFile(filepath.Join(dir, "container-latency-tcp-rr-ecdf.pgf"))
	require.NoError(t, err)
	require.Contains(t, string(pgf), `ipvlan\_l3s`)
	require.Equal(t, strings.Count(string(pgf), "{"), strings.Count(string(pgf), "}"))
}

func TestLatexText(t *testing.T) {
	require.Equal(t, `a\_b \& 5\% \{x\} \textbackslash{} \#1 $\times$`, latexText("a_b & 5% {x} \\ #1 ×"))
}
