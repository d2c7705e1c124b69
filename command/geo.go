package command

import (
	"fmt"
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/internal/geo"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

const errUnit Error = "ERR unsupported unit provided. please use M, KM, FT, MI"

// Geos are the commands on sorted sets whose scores are points on the earth.
func Geos() []Spec {
	const perMember = "O(log(N)) for each member requested, where N is the number of elements in the sorted set."
	return append([]Spec{
		{Name: "GEOADD", Syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
			Summary: "Add one or more geospatial items in the geospatial index represented using a sorted set", Since: "3.2.0", Group: "geo",
			Complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
			Arity:      AtLeast(5), Keys: KeyAt(1).As("RW update"), Flags: DenyOOM, ACL: acl.Geo, Write: geoAdd},
		{Name: "GEODIST", Syntax: "key member1 member2 [M | KM | FT | MI]",
			Summary: "Returns the distance between two members of a geospatial index", Since: "3.2.0", Group: "geo", Complexity: "O(log(N))",
			Arity: AtLeast(4), Keys: KeyAt(1), ACL: acl.Geo, Read: geoDist},
		{Name: "GEOHASH", Syntax: "key member [member ...]",
			Summary: "Returns members of a geospatial index as standard geohash strings", Since: "3.2.0", Group: "geo", Complexity: perMember,
			Arity: AtLeast(2), Keys: KeyAt(1), ACL: acl.Geo, Read: geoHash},
		{Name: "GEOPOS", Syntax: "key member [member ...]",
			Summary: "Returns longitude and latitude of members of a geospatial index", Since: "3.2.0", Group: "geo",
			Complexity: "O(N) where N is the number of members requested.",
			Arity:      AtLeast(2), Keys: KeyAt(1), ACL: acl.Geo, Read: geoPos},
	}, geoSearches()...)
}

// point is the longitude and latitude at arguments i and i+1.
func (a args) point(i int) (p geo.Point, err error) {
	if p.Longitude, err = a.Float(i); err != nil {
		return p, err
	}
	if p.Latitude, err = a.Float(i + 1); err != nil {
		return p, err
	}
	if !p.Valid() {
		return p, Error(fmt.Sprintf("ERR invalid longitude,latitude pair %s,%s", sixDecimals(p.Longitude), sixDecimals(p.Latitude)))
	}
	return p, nil
}

// sixDecimals is f as C's %f has it.
func sixDecimals(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return fmt.Sprintf("%f", f)
}

func (a args) unit(i int) (geo.Unit, error) {
	u, ok := geo.ParseUnit(a[i])
	if !ok {
		return 0, errUnit
	}
	return u, nil
}

func geoAdd(c *WriteCall) (resp.Value, error) {
	var o keyspace.Adding
	changed := false
	rest := 2
options:
	for ; ; rest++ {
		switch {
		case c.Is(rest, "NX"):
			o.New = true
		case c.Is(rest, "XX"):
			o.Existing = true
		case c.Is(rest, "CH"):
			changed = true
		default:
			break options
		}
	}
	if n := c.Len() - rest; n == 0 || n%3 != 0 || o.New && o.Existing {
		return resp.None, errSyntax
	}
	members := make([]keyspace.Scored, 0, (c.Len()-rest)/3)
	for i := rest; i < c.Len(); i += 3 {
		p, err := c.point(i)
		if err != nil {
			return resp.None, err
		}
		members = append(members, keyspace.Scored{Name: c.At(i + 2), Score: float64(p.Score())})
	}
	return addMembers(c, members, o, changed)
}

// place is where a member is.
func place(z mvcc.Collection, name []byte) (geo.Point, bool) {
	e, ok := z.Lookup(name)
	if !ok {
		return geo.Point{}, false
	}
	return geo.At(mvcc.Score(e.Value)), true
}

func geoDist(c *ReadCall) (resp.Value, error) {
	unit := geo.Meters
	if c.Len() == 5 {
		var err error
		if unit, err = c.unit(4); err != nil {
			return resp.None, err
		}
	} else if c.Len() > 5 {
		return resp.None, errSyntax
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Null(), err
	}
	from, ok := place(z, c.At(2))
	to, also := place(z, c.At(3))
	if !ok || !also {
		return resp.Null(), nil
	}
	return distance(unit.Of(geo.Distance(from, to))), nil
}

func distance(d float64) resp.Value { return resp.Bulk(geo.AppendDistance(nil, d)) }

func geoHash(c *ReadCall) (resp.Value, error) {
	return eachPlace(c, resp.Null(), func(p geo.Point) resp.Value { return resp.BulkString(p.Geohash()) })
}

func geoPos(c *ReadCall) (resp.Value, error) {
	return eachPlace(c, resp.NullArray(), func(p geo.Point) resp.Value { return coordinates(p, c.Proto) })
}

// eachPlace shows where the members named are.
func eachPlace(c *ReadCall, absent resp.Value, show func(geo.Point) resp.Value) (resp.Value, error) {
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, 0, c.Len()-2)
	for _, name := range c.From(2) {
		value := absent
		if ok {
			if p, there := place(z, name); there {
				value = show(p)
			}
		}
		list = append(list, value)
	}
	return resp.Array(list...), nil
}

func coordinates(p geo.Point, proto resp.Protocol) resp.Value {
	return resp.Array(coordinate(p.Longitude, proto), coordinate(p.Latitude, proto))
}

// coordinate is a double in RESP3, with more decimals than other doubles have.
func coordinate(x float64, p resp.Protocol) resp.Value {
	if p == resp.RESP3 {
		return resp.Raw(append(geo.AppendCoordinate([]byte{','}, x), "\r\n"...))
	}
	return resp.Bulk(geo.AppendCoordinate(nil, x))
}
