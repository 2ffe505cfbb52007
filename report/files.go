package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/testbed"
)

// Names of the files that Write makes.
const (
	ResultFile   = "result.json"
	PageFile     = "report.html"
	MarkdownFile = "report.md"
	BlocksFile   = "blocks.jsonl"
)

// Write stores a result, its raw blocks, and its drawings in a folder that
// exists. Each file appears whole or not at all.
func Write(dir string, r testbed.Result, blocks []testbed.Block) error {
	files, err := render(r, blocks)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, f := range files {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

type file struct {
	name string
	data []byte
}

// render draws every file. It draws what reading them back would give, so that
// a redrawn report is the same to the byte: a fact that was an integer in memory
// and a number in JSON would not print alike.
func render(r testbed.Result, blocks []testbed.Block) ([]file, error) {
	resultJSON, err := JSON(r)
	if err != nil {
		return nil, err
	}
	blocksJSON, err := encodeBlocks(blocks)
	if err != nil {
		return nil, err
	}
	if r, err = decodeResult(resultJSON); err != nil {
		return nil, err
	}
	if blocks, err = decodeBlocks(bytes.NewReader(blocksJSON)); err != nil {
		return nil, err
	}
	var page, markdown bytes.Buffer
	if err := HTML(&page, r, blocks); err != nil {
		return nil, err
	}
	if err := Markdown(&markdown, r); err != nil {
		return nil, err
	}
	return append(stackFiles(r), []file{
		{BlocksFile, blocksJSON},
		{ResultFile, resultJSON},
		{MarkdownFile, markdown.Bytes()},
		{PageFile, page.Bytes()},
	}...), nil
}

// JSON encodes a result as result.json: indented, keys in a fixed order.
func JSON(r testbed.Result) ([]byte, error) {
	var b bytes.Buffer
	if err := writeIndented(&b, r); err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return b.Bytes(), nil
}

// writeIndented writes JSON for people and programs alike.
func writeIndented(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func encodeBlocks(blocks []testbed.Block) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, block := range blocks {
		if err := encoder.Encode(block); err != nil {
			return nil, fmt.Errorf("encode block %d: %w", block.Index, err)
		}
	}
	return b.Bytes(), nil
}

// Read loads what Write stored. The files may be hostile; a result of another
// schema is refused.
func Read(dir string) (testbed.Result, []testbed.Block, error) {
	r, _, blocks, err := ReadWithText(dir)
	return r, blocks, err
}

// ReadWithText is Read, and gives the bytes of the result's file that were read.
func ReadWithText(dir string) (r testbed.Result, text []byte, blocks []testbed.Block, err error) {
	if r, text, err = readResult(dir); err != nil {
		return testbed.Result{}, nil, nil, err
	}
	f, err := os.Open(filepath.Join(dir, BlocksFile))
	if err != nil {
		return testbed.Result{}, nil, nil, fmt.Errorf("read blocks: %w", err)
	}
	defer f.Close()
	if blocks, err = decodeBlocks(f); err != nil {
		return testbed.Result{}, nil, nil, fmt.Errorf("read blocks %q: %w", filepath.Join(dir, BlocksFile), err)
	}
	return r, text, blocks, nil
}

// ReadResult is Read without the blocks, which are most of what is stored: for what needs
// the figures alone.
func ReadResult(dir string) (testbed.Result, error) {
	r, _, err := readResult(dir)
	return r, err
}

func readResult(dir string) (r testbed.Result, text []byte, err error) {
	if text, err = os.ReadFile(filepath.Join(dir, ResultFile)); err != nil {
		return testbed.Result{}, nil, fmt.Errorf("read result: %w", err)
	}
	if r, err = decodeResult(text); err != nil {
		return testbed.Result{}, nil, fmt.Errorf("read result %q: %w", filepath.Join(dir, ResultFile), err)
	}
	return r, text, nil
}

// decodeResult keeps numbers of facts as they are written.
func decodeResult(data []byte) (testbed.Result, error) {
	var r testbed.Result
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&r); err != nil {
		return testbed.Result{}, err
	}
	if r.Schema != testbed.ResultSchema {
		return testbed.Result{}, fmt.Errorf("its schema is %q; this version reads %q", r.Schema, testbed.ResultSchema)
	}
	return r, nil
}

func decodeBlocks(from io.Reader) ([]testbed.Block, error) {
	blocks := []testbed.Block{}
	decoder := json.NewDecoder(bufio.NewReader(from))
	for {
		var b testbed.Block
		err := decoder.Decode(&b)
		if errors.Is(err, io.EOF) {
			return blocks, nil
		}
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", len(blocks)+1, err)
		}
		blocks = append(blocks, b)
	}
}
