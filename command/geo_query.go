package command

import (
	"fmt"

	"github.com/redoubt-db/redoubt/internal/geo"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
)

// Errors of searches.
const (
	errGeoMember      Error = "ERR could not decode requested zset member"
	errGeoRadius      Error = "ERR need numeric radius"
	errGeoRadiusSign  Error = "ERR radius cannot be negative"
	errGeoWidth       Error = "ERR need numeric width"
	errGeoHeight      Error = "ERR need numeric height"
	errGeoBoxSign     Error = "ERR height or width cannot be negative"
	errGeoCount       Error = "ERR COUNT must be > 0"
	errGeoAny         Error = "ERR the ANY argument requires COUNT argument"
	errGeoStore       Error = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
	errGeoSearchStore Error = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
)

// geoForm is a command that searches.
type geoForm uint8

const (
	byPoint  geoForm = iota + 1 // GEORADIUS
	byMember                    // GEORADIUSBYMEMBER
	search                      // GEOSEARCH
	searchStore
)

// geoQuery is a search.
type geoQuery struct {
	form       geoForm
	readOnly   bool            // STORE is no option
	z          mvcc.Collection // where to look, if exists
	exists     bool
	center     geo.Point
	unit       geo.Unit
	box        bool
	radius     float64 // of a circle
	width      float64 // of a box
	height     float64
	fromMember bool // which of the parts there are
	fromPoint  bool
	byRadius   bool
	byBox      bool

	withDistance, withHash, withPoint bool

	sort  int   // 1 is ascending, -1 descending, 0 as found
	count int64 // 0 is all
	any   bool  // the first found will do
	store []byte
	as    bool // scores are to be distances
}

// geoQuery finds the key at argument key and reads everything, in Redis' order.
func (a args) geoQuery(view *keyspace.View, key int, form geoForm, readOnly bool) (q geoQuery, err error) {
	q = geoQuery{form: form, readOnly: readOnly, unit: geo.Meters}
	if q.z, q.exists, err = view.Elements(a[key], mvcc.ZSet); err != nil {
		return q, err
	}
	options := key + 1
	switch form {
	case byPoint:
		options = 6
		if q.center, err = a.point(2); err == nil {
			err = q.takeRadius(a, 4)
		}
	case byMember:
		options = 5
		if q.exists { // if not, only the options say what to answer
			if err = q.takeMember(a, 2); err == nil {
				err = q.takeRadius(a, 3)
			}
		}
	case searchStore:
		q.store = a[1]
	}
	for i := options; i < len(a) && err == nil; {
		var n int
		n, err = q.option(a, i)
		i += n
	}
	if err != nil {
		return q, err
	}
	return q, q.check(a)
}

// option reads the option at argument i, and tells how many arguments it takes.
func (q *geoQuery) option(a args, i int) (n int, err error) {
	searching := q.form == search || q.form == searchStore
	storing := !searching && !q.readOnly && i+1 < len(a)
	switch {
	case a.Is(i, "WITHDIST"):
		q.withDistance = true
	case a.Is(i, "WITHHASH"):
		q.withHash = true
	case a.Is(i, "WITHCOORD"):
		q.withPoint = true
	case a.Is(i, "ANY"):
		q.any = true
	case a.Is(i, "ASC"):
		q.sort = 1
	case a.Is(i, "DESC"):
		q.sort = -1
	case a.Is(i, "COUNT") && i+1 < len(a):
		if q.count, err = a.Int(i + 1); err == nil && q.count <= 0 {
			err = errGeoCount
		}
		return 2, err
	case storing && (a.Is(i, "STORE") || a.Is(i, "STOREDIST")):
		q.store, q.as = a[i+1], a.Is(i, "STOREDIST")
		return 2, nil
	case q.form == searchStore && a.Is(i, "STOREDIST"):
		q.as = true
	case searching:
		return q.part(a, i)
	default:
		return 0, errSyntax
	}
	return 1, nil
}

// part reads the part of GEOSEARCH at argument i: where to begin, or how far to go.
func (q *geoQuery) part(a args, i int) (n int, err error) {
	left := len(a) - i - 1
	switch {
	case a.Is(i, "FROMMEMBER") && left >= 1 && !q.fromPoint:
		q.fromMember = true
		if q.exists {
			err = q.takeMember(a, i+1)
		}
		return 2, err
	case a.Is(i, "FROMLONLAT") && left >= 2 && !q.fromMember:
		q.fromPoint = true
		q.center, err = a.point(i + 1)
		return 3, err
	case a.Is(i, "BYRADIUS") && left >= 2 && !q.byBox:
		q.byRadius = true
		return 3, q.takeRadius(a, i+1)
	case a.Is(i, "BYBOX") && left >= 3 && !q.byRadius:
		q.byBox = true
		return 4, q.takeBox(a, i+1)
	}
	return 0, errSyntax
}

func (q *geoQuery) takeMember(a args, i int) error {
	p, ok := place(q.z, a[i])
	if !ok {
		return errGeoMember
	}
	q.center = p
	return nil
}

func (q *geoQuery) takeRadius(a args, i int) (err error) {
	r, ok := parseFloat(a[i])
	switch {
	case !ok:
		return errGeoRadius
	case r < 0:
		return errGeoRadiusSign
	}
	q.radius = r
	q.unit, err = a.unit(i + 1)
	return err
}

func (q *geoQuery) takeBox(a args, i int) (err error) {
	w, ok := parseFloat(a[i])
	if !ok {
		return errGeoWidth
	}
	h, ok := parseFloat(a[i+1])
	switch {
	case !ok:
		return errGeoHeight
	case w < 0 || h < 0:
		return errGeoBoxSign
	}
	q.width, q.height, q.box = w, h, true
	q.unit, err = a.unit(i + 2)
	return err
}

// check looks at the whole.
func (q *geoQuery) check(a args) error {
	searching := q.form == search || q.form == searchStore
	switch {
	case q.store != nil && (q.withDistance || q.withHash || q.withPoint) && q.form == searchStore:
		return errGeoSearchStore
	case q.store != nil && (q.withDistance || q.withHash || q.withPoint):
		return errGeoStore
	case searching && !q.fromMember && !q.fromPoint:
		return Error(fmt.Sprintf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", a[0]))
	case searching && !q.byRadius && !q.byBox:
		return Error(fmt.Sprintf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", a[0]))
	case q.any && q.count == 0:
		return errGeoAny
	}
	return nil
}

func (q *geoQuery) area() *geo.Area {
	area := geo.Circle(q.center, q.radius, q.unit)
	if q.box {
		area = geo.Box(q.center, q.width, q.height, q.unit)
	}
	return &area
}
