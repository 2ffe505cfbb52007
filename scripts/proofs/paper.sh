#!/bin/sh
# A paper compiles from a result: the sample in examples/paper with TeX Live, with a table
# and a figure that this run measures, and the same figure as PGF.
# inputs: examples/paper examples/container-latency.hcl report/latex.go report/paper.go report/figure
set -eu
cd "$(dirname "$0")/../.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bin/testbed run --backend local examples/container-latency.hcl --out "$folder/result" >/dev/null 2>"$folder/log" ||
	[ $? -ge 3 ] || {
	cat "$folder/log" >&2
	exit 1
}
cp examples/paper/paper.tex "$folder"
bin/testbed report --format latex --out "$folder/measured" "$folder/result" >/dev/null
cat >"$folder/pgf.tex" <<'END'
\documentclass{article}
\usepackage{pgf}
\begin{document}
\input{measured/container-latency-tcp-rr-ecdf.pgf}
\end{document}
END

cd "$folder"
for document in paper paper pgf; do # References want a second time.
	pdflatex -interaction=nonstopmode -halt-on-error "$document" >tex.log 2>&1 || {
		cat tex.log >&2
		exit 1
	}
done
if grep -E 'undefined references|Missing character|Overfull' paper.log >&2; then exit 1; fi

pdftotext -layout paper.pdf paper.txt
pdftotext -layout pgf.pdf pgf.txt
found=0
for number in $(jq -r '.tests[0].modes[] | select(.status == "ok" and .name != "host") | .ratio_to_host.p50.estimate * 1000 | round / 1000' result/result.json); do
	grep -qF "$number" paper.txt || {
		echo "paper: $number is not in the PDF" >&2
		exit 1
	}
	found=$((found + 1))
done
for text in "Table 1" "Figure 1" "µs" "docker0"; do
	grep -qF "$text" paper.txt
done
grep -qF docker0 pgf.txt

cat <<END
# A paper compiles from a result

\`examples/paper/paper.tex\` with the table and the figure of \`bin/testbed run --backend
local examples/container-latency.hcl\`, as \`bin/testbed report --format latex --out\` writes
them: $(pdfinfo paper.pdf | sed -n 's/^Pages: *//p') pages with $(pdflatex --version | head -n 1), no reference undefined, no line
too long, no character missing. The $found ratios to host that are in \`result.json\` are in the PDF's
text, to three digits. The same figure as PGF compiles too.
END
