package hcl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
)

const kernelsLab = `
lab "kernels" {
  mirror = "http://mirror.invalid/debian"
}

image "k" {
  for_each       = kernels("6.12", "7.3")
  kernel_version = each.value
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "a" {
  image = image.k[matrix.kernel]

  nic {
    network = network.lan
  }
}

vm "b" {
  image = image.k[matrix.kernel]

  nic {
    network = network.lan
  }
}

matrix {
  kernel = kernels("6.12", "7.3")
}

test "rr" {
  protocol = "tcp_rr"
  client   = vm.a
  server   = vm.b
  modes    = [mode.host]
}
`

// TestKernels: one list for for_each and for the matrix, asked for once.
func TestKernels(t *testing.T) {
	var asked []hcl.KernelRange
	file, diags := hcl.Parse([]byte(kernelsLab), "lab.hcl", hcl.Options{Kernels: func(r hcl.KernelRange) ([]string, error) {
		asked = append(asked, r)
		return []string{"6.12.1-1", "7.3.4-1~bpo13+1"}, nil
	}})
	require.Zero(t, diags.Len(), rendered(t, diags))
	require.Equal(t, []hcl.KernelRange{{From: "6.12", To: "7.3", Mirror: "http://mirror.invalid/debian"}}, asked)
	require.Len(t, file.Lab.Cells, 2)
	require.Equal(t, "7.3.4-1~bpo13+1", file.Lab.Cells[1].Coordinates[0].Value)
	require.Equal(t, "k-7.3.4-1~bpo13+1", file.Lab.Cells[1].Machines[0].Image)
	image, _ := file.Lab.Image("k-7.3.4-1~bpo13+1")
	require.Equal(t, "7.3.4-1~bpo13+1", image.KernelVersion)
	require.Empty(t, image.Release)
}

// TestKernelsMistakes are at the call, once each, with the remedy.
func TestKernelsMistakes(t *testing.T) {
	serve := func(r hcl.KernelRange) ([]string, error) {
		if len(r.Releases) > 0 {
			return nil, nil
		}
		return nil, errors.New("the mirror serves no kernel " + r.To + "; the newest is 7.3.4-1 (testbed kernel list)")
	}
	for call, says := range map[string]string{
		`kernels("6.12", "9")`:                `the mirror serves no kernel 9; the newest is 7.3.4-1`,
		`kernels("trixie", "9")`:              `"trixie" is no version of a kernel. Write one such as "6.12"`,
		`kernels("6.12")`:                     `Function "kernels" expects at least 2 argument(s)`,
		`kernels("6.12", "7.3", "trixi")`:     `Debian has no suite "trixi". Did you mean "trixie"?`,
		`kernels("6.12", "7.3", "trixie")`:    `The list is empty, so there is no cell at all.`,
		`kernels(["6"], "7.3")`:               `Invalid value for "from" parameter`,
		`concat(kernels("6.12", "9"), ["6"])`: `the mirror serves no kernel 9`,
	} {
		text := strings.Replace(kernelsLab, `kernel = kernels("6.12", "7.3")`, `kernel = `+call, 1)
		text = strings.Replace(text, `for_each       = kernels("6.12", "7.3")`, `for_each = ["6.12.1-1"]`, 1)
		file, diags := hcl.Parse([]byte(text), "lab.hcl", hcl.Options{Kernels: serve})
		require.Nil(t, file, call)
		page := strings.Join(strings.Fields(rendered(t, diags)), " ")
		require.Contains(t, page, says, call)
		if says != "The list is empty, so there is no cell at all." {
			require.Equal(t, 1, strings.Count(page, "Error: "), page)
		}
		require.Contains(t, page, "in matrix", call)
	}
}

// TestKernelsWithoutMirror is a mistake where nobody can be asked.
func TestKernelsWithoutMirror(t *testing.T) {
	_, diags := hcl.Parse([]byte(kernelsLab), "lab.hcl", hcl.Options{})
	require.Contains(t, rendered(t, diags), "no mirror is at hand")
	_, diags = hcl.Format([]byte(kernelsLab), "lab.hcl")
	require.Zero(t, diags.Len(), "what is only laid out asks nobody")
}
