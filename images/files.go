package images

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/testbed-lab/testbed/images/newc"
)

// writeFile writes a file of the cache through to the disk: the folder's name
// promises that it is whole, also after the power failed.
func writeFile(name string, data []byte) error {
	return create(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func writeTree(name string, t *newc.Tree) error {
	return create(name, func(w io.Writer) error {
		_, err := t.WriteTo(w)
		return err
	})
}

func create(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err := write(buffered); err != nil {
		return err
	}
	return errors.Join(buffered.Flush(), file.Sync(), file.Close())
}

func appendFile(to io.Writer, name string) (int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return io.Copy(to, file)
}

// linkOrCopy spares the disk a second copy where the file system can.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, data)
}
