package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hamba/avro/v2"
)

// topicOf returns what the brokers call a topic: a deployment that has a name has it before each.
func topicOf(name string) string {
	if deployment := os.Getenv("RUNFOLD_DEPLOYMENT"); deployment != "" {
		return deployment + "." + name
	}
	return name
}

// wire knows the schemas of a folder `schemas` by the ids of its `ids.lock`. What stands on a
// topic is the byte 0, the id of the schema (4 bytes, big endian), then Avro binary.
type wire struct {
	files  map[uint32]string
	newest map[string]uint32
	parsed map[uint32]avro.Schema
}

func openWire(folder string) (*wire, error) {
	lock, err := os.ReadFile(filepath.Join(folder, "ids.lock"))
	if err != nil {
		return nil, err
	}
	w := &wire{map[uint32]string{}, map[string]uint32{}, map[uint32]avro.Schema{}}
	for _, line := range strings.Split(string(lock), "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] == "#" {
			continue
		}
		id, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("ids.lock: %w", err)
		}
		w.files[uint32(id)] = filepath.Join(folder, words[0], words[1]+".avsc")
		w.newest[words[0]] = uint32(id)
	}
	return w, nil
}

func (w *wire) schema(id uint32) (avro.Schema, error) {
	if found, ok := w.parsed[id]; ok {
		return found, nil
	}
	file, ok := w.files[id]
	if !ok {
		return nil, fmt.Errorf("schema %d is not in ids.lock: take newer schemas", id)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	// A cache of its own for each: versions of a record have the same name.
	w.parsed[id], err = avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	return w.parsed[id], err
}

func (w *wire) encode(subject string, record map[string]any) ([]byte, error) {
	id := w.newest[subject]
	schema, err := w.schema(id)
	if err != nil {
		return nil, err
	}
	body, err := avro.Marshal(schema, record)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), body...), nil
}

// decode returns a record's name and its fields.
func (w *wire) decode(value []byte) (string, map[string]any, error) {
	if len(value) < 5 || value[0] != 0 {
		return "", nil, fmt.Errorf("the value does not begin with the byte 0 and a schema's id")
	}
	schema, err := w.schema(binary.BigEndian.Uint32(value[1:5]))
	if err != nil {
		return "", nil, err
	}
	fields := map[string]any{}
	err = avro.Unmarshal(schema, value[5:], &fields)
	return schema.(*avro.RecordSchema).Name(), fields, err
}
