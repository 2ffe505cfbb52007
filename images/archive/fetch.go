package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// stallLimit ends a transfer of which nothing arrives for so long.
	stallLimit = 30 * time.Second
	// attempts at one file; the waits between them double from firstWait.
	attempts         = 4
	defaultFirstWait = 500 * time.Millisecond
	// textLimit bounds an InRelease file, which has about 150 KB.
	textLimit = 8 << 20
)

// StatusError is an answer other than the file.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("get %s: %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// DigestError says that a file is not the one that the archive signed.
type DigestError struct {
	URL       string
	Want, Got Digest
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("get %s: the file is not what the archive's signed index says: %d bytes with SHA-256 %s, expected %d with %s; it was removed",
		e.URL, e.Got.Size, e.Got.SHA256, e.Want.Size, e.Want.SHA256)
}

func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	t.ResponseHeaderTimeout = stallLimit
	t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return &http.Client{Transport: t}
}

// download fetches url to path, with the digest that the chain states. What is
// there of an earlier try (path + ".part") is continued. Nothing stands at path
// unless it is whole and right.
func (a *Archive) download(ctx context.Context, url, path, step string, want Digest) error {
	part := path + ".part"
	return a.Progress.Do(step, func() error {
		err := a.retry(ctx, func() error { return a.resume(ctx, url, part, step, want) })
		if err != nil {
			return err
		}
		return os.Rename(part, path)
	})
}

// retry repeats what may go better next time: not a cancelled context, a full
// disk or a refusal.
func (a *Archive) retry(ctx context.Context, do func() error) error {
	wait := a.firstWait
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || !transient(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
		wait *= 2
	}
}

func transient(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Status >= 500 || status.Status == http.StatusTooManyRequests
	}
	var file *os.PathError
	var digest *DigestError
	return !errors.As(err, &file) && !errors.As(err, &digest)
}

// resume continues one transfer and checks the result.
func (a *Archive) resume(ctx context.Context, url, part, step string, want Digest) error {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	have, err := io.Copy(hash, file)
	if err != nil {
		return err
	}
	resumed := have > 0
	if have < want.Size {
		sink := &partWriter{file: file, hash: hash, have: have, want: want.Size, step: step, progress: a.Progress}
		err := a.transfer(ctx, url, sink)
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusRequestedRangeNotSatisfiable {
			os.Remove(part)
			return a.resume(ctx, url, part, step, want)
		}
		if err != nil {
			return err
		}
		have, resumed = sink.have, resumed && !sink.restarted
	}
	got := Digest{Size: have, SHA256: hex.EncodeToString(hash.Sum(nil))}
	if got == want {
		return file.Close()
	}
	os.Remove(part)
	if resumed { // What was continued may have been another file: once from the start.
		return a.resume(ctx, url, part, step, want)
	}
	return &DigestError{URL: url, Want: want, Got: got}
}

// transfer gets what is missing of a file into sink.
func (a *Archive) transfer(ctx context.Context, url string, sink *partWriter) error {
	response, body, err := a.get(ctx, url, sink.have)
	if err != nil {
		return err
	}
	defer body.Close()
	if response.StatusCode == http.StatusOK && sink.have > 0 {
		if err := sink.restart(); err != nil {
			return err
		}
	}
	// One byte more than expected is enough to know that it is wrong.
	if _, err := io.Copy(sink, io.LimitReader(body, sink.want-sink.have+1)); err != nil {
		return fmt.Errorf("get %s: after %d of %d bytes: %w", url, sink.have, sink.want, err)
	}
	return nil
}

// get asks for a file from an offset on. The body ends with an error when
// nothing comes for stallLimit.
func (a *Archive) get(ctx context.Context, url string, offset int64) (*http.Response, io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel(nil)
		return nil, nil, fmt.Errorf("get %s: %w", url, err)
	}
	request.Header.Set("User-Agent", "testbed")
	if offset > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	response, err := a.client.Do(request)
	if err != nil {
		cancel(nil)
		return nil, nil, networkError(err)
	}
	if response.StatusCode != http.StatusOK && (offset == 0 || response.StatusCode != http.StatusPartialContent) {
		response.Body.Close()
		cancel(nil)
		return nil, nil, &StatusError{URL: url, Status: response.StatusCode}
	}
	return response, newWatchedBody(ctx, cancel, response.Body), nil
}

// networkError adds the remedy to an error of the network itself.
func networkError(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	if errors.As(err, &dns) || errors.As(err, &op) {
		return fmt.Errorf("%w (is there a network? a lab whose images are cached and locked needs none)", err)
	}
	return err
}

// text fetches a small file.
func (a *Archive) text(ctx context.Context, url string) ([]byte, error) {
	var text []byte
	err := a.retry(ctx, func() error {
		_, body, err := a.get(ctx, url, 0)
		if err != nil {
			return err
		}
		defer body.Close()
		text, err = io.ReadAll(io.LimitReader(body, textLimit))
		if err != nil {
			return fmt.Errorf("get %s: %w", url, err)
		}
		return nil
	})
	return text, err
}
